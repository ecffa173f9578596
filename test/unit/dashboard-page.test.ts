/**
 * The file of examples/dashboard that no compiler sees, and the name of a namespace.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { namespaceNotice } from '../../examples/dashboard/namespace-watch.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(root, 'examples/dashboard/page.html'), 'utf8');
const partOf = (pattern: RegExp) => pattern.exec(page)?.[1] ?? '';
const script = partOf(/<script type="module">\n(.*?)<\/script>/s);
const style = partOf(/<style>\n(.*?)<\/style>/s);
const markup = page.replace(script, '').replace(style, '');

describe('the page of the dashboard', () => {
  it.each([
    ['script', 'page.js', script],
    ['style', 'page.css', style],
  ])('has a %s that is written as the rules of the sources ask for', (_, name, text) => {
    const biome = join(root, 'node_modules/@biomejs/biome/bin/biome');
    const args = [
      'check',
      '--write',
      '--error-on-warnings',
      `--stdin-file-path=examples/dashboard/${name}`,
    ];
    const { stdout, stderr } = spawnSync(process.execPath, [biome, ...args], {
      cwd: root,
      input: text,
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(stdout).toBe(text);
  });

  it('has each element that its script looks for, once', () => {
    const ids = Array.from(markup.matchAll(/\bid="([\w-]+)"/g), ([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const wanted = Array.from(script.matchAll(/\b(?:put|byId)\(\s*'([\w-]+)'/g), ([, id]) => id);
    expect(wanted.length).toBeGreaterThan(20);
    for (const id of wanted) expect(ids).toContain(id);
    const labels = Array.from(markup.matchAll(/aria-labelledby="([\w-]+)"/g), ([, id]) => id);
    for (const id of labels) expect(ids).toContain(id);
  });

  it('loads nothing from elsewhere, and has no script or style in an attribute', () => {
    const links = Array.from(markup.matchAll(/\b(?:src|href)="([^"]*)"/g), ([, link]) => link);
    expect(links).toEqual(['data:,', 'uplot.css', 'uplot.js']);
    expect(markup).not.toMatch(/\s(?:style|on\w+)=/);
    expect(page).not.toMatch(/https?:/);
  });
});

describe('the name of a namespace', () => {
  it('is missed when it leads nowhere, or elsewhere', () => {
    const folder = mkdtempSync(join(tmpdir(), 'conntrack-netns-'));
    onTestFinished(() => {
      rmSync(folder, { recursive: true });
    });
    const path = join(folder, 'blue');
    writeFileSync(path, '');
    const notice = namespaceNotice(path);
    expect(notice()).toBeNull();
    renameSync(path, join(folder, 'kept'));
    expect(notice()).toBe(
      `The network namespace ${path} has ended: these are the numbers of what remains of it.`,
    );
    writeFileSync(path, '');
    expect(notice()).not.toBeNull();
  });
});
