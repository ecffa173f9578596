/** Writers of one directory in containers, where the id of a process says nothing to the next one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, type TestContext, test, vi } from 'vitest';
import { openFlowFiles, readFlowFiles } from '../../src/flow-log/files/files.js';
import type { FlowRecord } from '../../src/flow-log/flow-log.js';
import { describeInNamespace } from '../support/requirements.js';

const FILES = fileURLToPath(new URL('../../dist/flow-log/files/files.js', import.meta.url));

/** Writes records without an end, and prints the number of each that is acknowledged, or an error. */
const WRITER = `
  import { writeSync } from 'node:fs';
  import { setTimeout } from 'node:timers/promises';
  import { openFlowFiles } from ${JSON.stringify(FILES)};
  const [directory, first] = process.argv.slice(1);
  try {
    const files = await openFlowFiles({ directory });
    const at = new Date(0).toJSON();
    for (let count = Number(first); ; count++) {
      await files.write([{ type: 'lost', cause: 'kernel', count, at }]);
      writeSync(1, count + '\\n');
      await setTimeout(5);
    }
  } catch (error) {
    writeSync(1, error.code + ': ' + error.message.split('\\n')[0] + '\\n');
    process.exit(1);
  }
`;

class Container {
  readonly #unshare: ChildProcess;
  #output = '';

  constructor({ onTestFinished }: TestContext, directory: string, first: number) {
    const node = [process.execPath, '--input-type=module', '-e', WRITER, directory, String(first)];
    const args = ['--pid', '--fork', '--mount-proc', ...node];
    this.#unshare = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#unshare.stdout?.on('data', (piece: Buffer) => {
      this.#output += piece.toString();
    });
    onTestFinished(() => {
      if (this.#isRunning) this.signal('SIGKILL');
    });
  }

  get #isRunning(): boolean {
    return this.#unshare.exitCode === null && this.#unshare.signalCode === null;
  }

  /** Of the process in the container, seen from here. */
  signal(name: NodeJS.Signals): void {
    const { pid = 0 } = this.#unshare;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    process.kill(Number(children), name);
  }

  get lines(): string[] {
    return this.#output.split('\n').slice(0, -1);
  }

  get acknowledged(): number[] {
    return this.lines.map(Number).filter((count) => !Number.isNaN(count));
  }

  /** Resolves when it has written more. */
  async writes(): Promise<void> {
    const before = this.acknowledged.length;
    await vi.waitFor(
      () => {
        expect(this.acknowledged.length, this.#output).toBeGreaterThan(before);
      },
      { timeout: 30_000 },
    );
  }

  async ended(): Promise<void> {
    if (this.#isRunning) await once(this.#unshare, 'close');
  }
}

function newDirectory({ onTestFinished }: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'conntrack-containers-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true });
  });
  return directory;
}

async function countsIn(directory: string): Promise<number[]> {
  const records: FlowRecord[] = [];
  for await (const record of readFlowFiles(directory)) records.push(record);
  return records.map((record) => (record.type === 'lost' ? record.count : Number.NaN));
}

describeInNamespace('unshare')('writers in containers', () => {
  test.concurrent('the next one waits for none that was killed, and for each that writes', async (context) => {
    const directory = newDirectory(context);
    const first = new Container(context, directory, 1);
    await first.writes();
    const second = new Container(context, directory, 10_000);
    await second.ended();
    expect(second.lines).toEqual([`EBUSY: openFlowFiles: another process writes to ${directory}`]);
    first.signal('SIGKILL');
    await first.ended();
    const third = new Container(context, directory, 20_000);
    await third.writes();
    third.signal('SIGKILL');
    await third.ended();
    const counts = await countsIn(directory);
    expect(counts).toEqual(expect.arrayContaining([...first.acknowledged, ...third.acknowledged]));
    expect(new Set(counts).size).toBe(counts.length);
  }, 60_000);

  test.concurrent('one that was stopped acknowledges nothing after the next one has begun', async (context) => {
    const directory = newDirectory(context);
    const first = new Container(context, directory, 1);
    await first.writes();
    first.signal('SIGSTOP');
    const second = new Container(context, directory, 10_000);
    await second.writes();
    first.signal('SIGCONT');
    await first.ended();
    expect(first.lines.at(-1)).toBe(
      `EBUSY: FlowFiles.write: another process has taken ${directory}, while this one was stopped`,
    );
    await second.writes();
    await expect(openFlowFiles({ directory })).rejects.toMatchObject({ code: 'EBUSY' });
    second.signal('SIGKILL');
    await second.ended();
    expect(await countsIn(directory)).toEqual(
      expect.arrayContaining([...first.acknowledged, ...second.acknowledged]),
    );
    expect(readdirSync(directory)).toContain('lock');
  }, 60_000);
});
