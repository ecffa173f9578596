/** The programs that the documents and the doc comments show. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface CodeBlock {
  /** A file, from the root. */
  readonly from: string;
  /** The place among those of the file. */
  readonly number: number;
  readonly code: string;
}

export const filesIn = (folder: string, ending: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => `${folder}/${name}`);

/** The documents of docs/ that are written by hand. */
export const guides = filesIn('docs', '.md').filter((page) => !page.startsWith('docs/api/'));

export function codeBlocks(text: string): string[] {
  return Array.from(text.matchAll(/^```ts\n(.*?)^```$/gms), ([, code = '']) => code);
}

/** The text of the doc comments, without the stars. */
function docComments(source: string): string {
  return Array.from(source.matchAll(/\/\*\*\n(.*?)\*\//gs), ([, comment = '']) =>
    comment.replace(/^ *\* ?/gm, ''),
  ).join('\n');
}

/** All of them: of the README, the guides and the doc comments. */
export function allCodeBlocks(): CodeBlock[] {
  const read = (path: string) => readFileSync(join(root, path), 'utf8');
  const texts = [
    ...['README.md', ...guides].map((from) => ({ from, text: read(from) })),
    ...filesIn('src', '.ts').map((from) => ({ from, text: docComments(read(from)) })),
  ];
  return texts.flatMap(({ from, text }) =>
    codeBlocks(text).map((code, number) => ({ from, number, code })),
  );
}
