/**
 * Each operation with each way to end, at a step that CONNTRACK_SEED chooses: see matrix/. A process has
 * all operations of a step. CONNTRACK_STEPS=all has all steps; with CONNTRACK_CELLS=1 each of their cells
 * has a process of its own, which names the one at fault and takes an hour.
 * CONNTRACK_MOMENT=MICROSECONDS tries moments after the step.
 */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as conntrack from 'conntrack';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DeleteStream } from '../../src/entry/delete-stream.js';
import { EntryStream } from '../../src/entry/stream.js';
import { EventStream } from '../../src/event/stream.js';
import * as flowLog from '../../src/flow-log/flow-log.js';
import { FlowRecorder } from '../../src/flow-log/recorder.js';
import * as openTelemetry from '../../src/metrics/opentelemetry.js';
import * as prometheus from '../../src/metrics/prometheus.js';
import { ChangeStream } from '../../src/mirror/change-stream.js';
import { TableMirror } from '../../src/mirror/mirror.js';
import { type Ended, runNode } from '../support/child.js';
import { describeInNamespace } from '../support/requirements.js';

interface Process {
  readonly name: string;
  readonly settings: object;
}

interface Plan {
  readonly processes: () => readonly Process[];
  readonly sampleOf: (all: readonly Process[], seed: number) => readonly Process[];
  readonly cellByCell: (process: Process) => Iterable<Process>;
  readonly faultOf: (process: Process, ended: Ended) => string | undefined;
}

interface Operations {
  readonly OPERATIONS: Readonly<Record<string, { readonly on?: 'function' | 'method' }>>;
  readonly AT_ONCE: readonly string[];
}

interface World {
  readonly setUp: (api: typeof conntrack) => Promise<void>;
}

const MOMENT = Number(process.env.CONNTRACK_MOMENT ?? 0);
/** See tools/bundle-lifecycle.mjs. */
const BUNDLE = 'out/lifecycle';
const BY_CELL = process.env.CONNTRACK_CELLS === '1';
const ALL_STEPS = BY_CELL || process.env.CONNTRACK_STEPS === 'all';
const SEED = Number(process.env.CONNTRACK_SEED ?? 0);
const root = new URL('../../', import.meta.url);
const load = async (name: string): Promise<unknown> =>
  import(new URL(`matrix/${name}.mjs`, import.meta.url).href);
const { OPERATIONS, AT_ONCE } = (await load('operations')) as Operations;
const { processes, sampleOf, cellByCell, faultOf } = (await load('plan')) as Plan;

/** What the class of a stream or a mirror has. */
const membersOf = ({ name, prototype }: { name: string; prototype: object }): string[] =>
  Object.getOwnPropertyNames(prototype)
    .filter((member) => !['constructor', 'close', 'batches'].includes(member))
    .map((member) => `${name}.${member}`);

test('each public function, and each member of a stream and of a mirror, has its row', () => {
  const functions = Object.entries({ ...conntrack, ...flowLog, ...openTelemetry, ...prometheus })
    .filter(([name, value]) => typeof value === 'function' && /^[a-z]/.test(name))
    .map(([name]) => name);
  const classes = [EntryStream, DeleteStream, EventStream, ChangeStream, TableMirror, FlowRecorder];
  const expected = [...functions, ...classes.flatMap(membersOf), 'Conntrack.close'];
  // "deleteEntries with entries" is one more row of deleteEntries.
  const rows = Object.keys(OPERATIONS).map((name) => name.replace(/ .*/, ''));
  expect([...new Set([...rows, ...AT_ONCE])].sort()).toEqual(
    [...new Set([...expected, 'Conntrack.open', 'EventStream.coverage'])].sort(),
  );
  const methods = Object.getOwnPropertyNames(conntrack.Conntrack.prototype);
  const onlyFunctions = rows.filter((name) => OPERATIONS[name]?.on === 'function');
  expect(methods.filter((name) => onlyFunctions.includes(name))).toEqual([]);
});

describeInNamespace()('at each step of each operation', () => {
  let copy: string;

  beforeAll(async () => {
    copy = await mkdtemp(join(tmpdir(), 'conntrack-'));
    for (const part of [BUNDLE, 'build/Release/conntrack.node']) {
      await cp(fileURLToPath(new URL(part, root)), join(copy, part), { recursive: true });
    }
    const { setUp } = (await load('world')) as World;
    await setUp(conntrack);
  });

  afterAll(() => rm(copy, { recursive: true }));

  async function faultIn(process: Process): Promise<string | undefined> {
    const copies = [fileURLToPath(root), copy].map((folder) => join(folder, BUNDLE));
    const settings = {
      ...process.settings,
      paths: copies.map((path) => pathToFileURL(join(path, 'conntrack.mjs')).href),
      microseconds: MOMENT,
    };
    const program = fileURLToPath(new URL('matrix/main.mjs', import.meta.url));
    return faultOf(process, await runNode(['--expose-gc', program, JSON.stringify(settings)]));
  }

  const steps = ALL_STEPS ? processes() : sampleOf(processes(), SEED);
  const all = BY_CELL ? steps.flatMap((one) => [...cellByCell(one)]) : steps;
  test.each(all.map((one) => [one.name, one] as const))('%s', async (_, process) => {
    expect(await faultIn(process)).toBeUndefined();
  });
});
