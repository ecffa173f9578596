/** A process that writes records in files is killed at any moment, or finds no room. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openFlowFiles, readFlowFiles } from '../../src/flow-log/files/files.js';
import { Random } from '../support/random.js';
import { allOf, countsOf, oneTo } from './flow-samples.js';

const FILES = fileURLToPath(new URL('../../dist/flow-log/files/files.js', import.meta.url));

/** Goes on where the files end, and prints the last number of each write that has resolved. */
const WRITER = `
  import { writeSync } from 'node:fs';
  import { openFlowFiles, readFlowFiles } from ${JSON.stringify(FILES)};
  const [directory] = process.argv.slice(1);
  const files = await openFlowFiles({ directory, fileBytes: 4096 });
  let count = 0;
  for await (const record of readFlowFiles(directory)) count = record.count;
  const at = new Date(0).toJSON();
  for (;;) {
    const records = [];
    for (let more = 7; more > 0; more--) records.push({ type: 'lost', cause: 'kernel', count: ++count, at });
    await files.write(records);
    writeSync(1, count + '\\n');
  }
`;

const start = (directory: string): ChildProcess =>
  spawn(process.execPath, ['--input-type=module', '-e', WRITER, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });

test('kill -9 at any moment: all that was acknowledged is there, each record once', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'conntrack-killed-'));
  const random = new Random(1);
  let total = 0;
  for (let round = 0; round < 8; round++) {
    const writer = start(directory);
    let output = '';
    writer.stdout?.on('data', (piece: Buffer) => {
      output += piece.toString();
    });
    // So many acknowledgements later than the first one, in the middle of what comes next.
    const lines = 1 + random.below(150);
    while (output.split('\n').length <= lines) await once(writer.stdout as never, 'data');
    writer.kill('SIGKILL');
    await once(writer, 'close');
    const acknowledged = Number(output.trimEnd().split('\n').at(-1));
    const counts = countsOf(await allOf(readFlowFiles(directory)));
    expect(counts).toEqual(oneTo(counts.length));
    expect(counts.length).toBeGreaterThanOrEqual(acknowledged);
    total = counts.length;
  }
  await (await openFlowFiles({ directory })).close();
  expect(countsOf(await allOf(readFlowFiles(directory)))).toEqual(oneTo(total));
  expect(readdirSync(directory).filter((name) => !/\.gz$|^open-flows/.test(name))).toEqual([]);
  rmSync(directory, { recursive: true });
});
