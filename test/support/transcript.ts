/** The transcripts of the documents: commands for a shell, and what the terminal shows of them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { isSlow } from './emulation.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

interface Step {
  readonly commands: string;
  /** The lines that must have been printed before the next step. */
  readonly shown: readonly string[];
}

interface Transcript {
  readonly files: readonly { readonly name: string; readonly content: string }[];
  readonly steps: readonly Step[];
}

const PATIENCE_MS = isSlow ? 200_000 : 20_000;
/** Stands for any number of lines that the document leaves out. */
const OMITTED = '...';

/** The part of a page below a heading, up to the next of the same level. */
function sectionOf(markdown: string, heading: string): string {
  const [, after] = markdown.split(`\n## ${heading}\n`);
  if (after === undefined) throw new Error(`the page has no heading "${heading}"`);
  return after.split('\n## ', 1)[0] ?? '';
}

/** Blocks of `sh` are commands, `text` is their output, and a block after "Save this as" is a file. */
function transcriptOf(section: string): Transcript {
  const files: { name: string; content: string }[] = [];
  const steps: { commands: string; shown: string[] }[] = [];
  const blocks = section.matchAll(/(?<before>[^\n]*)\n+```(?<language>\w+)\n(?<code>.*?)^```$/gms);
  for (const { groups: { before = '', language = '', code = '' } = {} } of blocks) {
    const [, name] = /Save this as `([^`]+)`/.exec(before) ?? [];
    if (name !== undefined) files.push({ name, content: code });
    else if (language === 'sh') steps.push({ commands: code, shown: [] });
    else if (language === 'text') steps.at(-1)?.shown.push(...code.trimEnd().split('\n'));
    else throw new Error(`a block of ${language} belongs to no transcript`);
  }
  return { files, steps };
}

/** Ports, times and counters are others each time. */
const shapeOf = (line: string) => line.replace(/\d+/g, '0').trimEnd();

/** Of `lines`, those that `others` does not have as often. Two programs print in any order. */
function without(lines: readonly string[], others: readonly string[]): string[] {
  const left = others.map(shapeOf);
  return lines.filter((line) => {
    const at = left.indexOf(shapeOf(line));
    if (at !== -1) left.splice(at, 1);
    return at === -1;
  });
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // All have ended.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The commands are on a pipe of their own: no program of theirs reads them. */
const SHELL = 'cat | bash -e /dev/fd/3 3<&0 < /dev/null';

/** Gives the commands to one bash, in a network namespace and a mount namespace of its own. */
async function play({ files, steps }: Transcript, folder: string, path: string) {
  for (const { name, content } of files) writeFileSync(join(folder, name), content);
  const bash = spawn('unshare', ['--net', '--mount', 'bash', '-c', SHELL], {
    cwd: folder,
    detached: true,
    env: { ...process.env, PATH: `${path}:${process.env.PATH ?? ''}` },
    stdio: 'pipe',
  });
  const exited = once(bash, 'exit');
  const closed = once(bash, 'close');
  const input = bash.stdin;
  let output = '';
  for (const stream of [bash.stdout, bash.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
  }
  const printed = () => output.split('\n').filter((line) => line !== '');
  const shown: string[] = [];
  try {
    for (const step of steps) {
      input.write(step.commands);
      shown.push(...step.shown.filter((line) => line !== '' && line !== OMITTED));
      await expect
        .poll(() => without(shown, printed()), { timeout: PATIENCE_MS, interval: 20 })
        .toEqual([]);
    }
    input.end();
    const [code] = (await exited) as [number | null];
    expect({ code, output }).toMatchObject({ code: 0 });
    const isWhole = steps.every((step) => !step.shown.includes(OMITTED));
    if (isWhole) expect(without(printed(), shown)).toEqual([]);
  } finally {
    // What it has left in the background has its output open.
    killGroup(bash);
    await closed;
  }
}

/** `node name.ts` runs the program of examples/ that is built from the same text. */
const NODE = `#!/bin/sh
case $1 in
  *.ts)
    name=$(basename "$1" .ts)
    shift
    file=${root}out/examples/recipes/$name.js
    [ -e "$file" ] || file=${root}out/examples/$name.js
    set -- "$file" "$@"
    ;;
esac
exec ${process.execPath} "$@"
`;

/** Plays a part of a page. Its folder is in the package, which so finds itself. */
export async function playPage(
  page: string,
  partOf: (section: (heading: string) => string) => string,
) {
  const folder = join(root, 'out/transcripts', page.replaceAll('/', '-'));
  const bin = join(folder, 'bin');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'node'), NODE);
  chmodSync(join(bin, 'node'), 0o755);
  const markdown = readFileSync(join(root, page), 'utf8');
  const transcript = transcriptOf(partOf((heading) => sectionOf(markdown, heading)));
  expect(transcript.steps.length).toBeGreaterThan(0);
  await play(transcript, folder, bin);
}
