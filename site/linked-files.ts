/**
 * The files that the pages link to and that are no pages: a program becomes a page that shows it,
 * anything else is copied.
 */
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GUIDES } from './guides.js';

const root = fileURLToPath(new URL('../', import.meta.url));

export const isProgram = (path: string) => /^[^:#]*\.ts$/.test(path);

function linkedFiles(): string[] {
  const files = GUIDES.flatMap((page) => {
    const links = readFileSync(join(root, page), 'utf8').matchAll(/\]\(([^):#\s]+\.\w+)\)/g);
    return Array.from(links, ([, path = '']) => join(dirname(page), path));
  });
  return [...new Set(files)].filter((path) => !path.endsWith('.md'));
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** Writes the pages of the programs into a folder. */
export function writePrograms(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  for (const path of linkedFiles().filter(isProgram)) {
    const code = readFileSync(join(root, path), 'utf8');
    const text = `---\nsearch: false\n---\n\n# ${path}\n\n\`\`\`\`ts\n${code}\`\`\`\`\n`;
    write(join(folder, `${path}.md`), text);
  }
}

/** Copies what is no program into the folder of the site. */
export function copyFiles(site: string): void {
  for (const path of linkedFiles().filter((file) => !isProgram(file))) {
    mkdirSync(dirname(join(site, path)), { recursive: true });
    copyFileSync(join(root, path), join(site, path));
  }
}
