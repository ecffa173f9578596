/**
 * Kernels behind an addon that the test plays: one that refuses everything, and one that does
 * what it is asked for.
 */
import { SLAB } from '../../src/record/layout.js';
import { LITTLE_ENDIAN } from '../../src/record/words.js';

class Refused {
  readonly failure = { errno: 1 };
  close() {}
}

const refusal = { failure: { errno: 1 } };

export const REFUSING = {
  NetNamespace: Refused,
  DumpReader: Refused,
  EventReader: Refused,
  RequestSocket: Refused,
  TableChanger: Refused,
  askedFields: () => 0,
  probeFilters: async () => refusal,
  probeFiltersNow: () => refusal,
  readFiles: () => [],
  writeFile: async () => refusal,
  grantedReceiveBuffer: () => refusal,
};

/** A slab that holds the first record of another, alone. */
export function first(slab: ArrayBuffer): ArrayBuffer {
  const answer = slab.slice(0);
  new DataView(answer).setUint32(SLAB.count, 1, LITTLE_ENDIAN);
  return answer;
}

/** What was asked for is there. */
class Requests {
  get = async (key: ArrayBuffer) => ({ slab: first(key) });
  usage = async () => ({ entries: 1, maxEntries: 2 });
  stats = async () => ({ cpus: [] });
  expectationStats = async () => ({ cpus: [] });
  create = async (specs: ArrayBuffer, count: number) => ({
    results: Array.from({ length: count }, () => ({ slab: first(specs) })),
  });
  update = async (entry: ArrayBuffer) => ({ results: [{ slab: entry }] });
  remove = async () => ({});
  flush = async () => ({});
  listExpectations = async () => ({ slabs: [] });
  getExpectation = async (key: ArrayBuffer) => ({ slabs: [first(key)] });
  createExpectation = async () => ({});
  removeExpectation = async () => ({});
  flushExpectations = async () => ({});
  close() {}
}

/** The table is empty. */
class Dump {
  supply() {}
  next = async () => 0;
  end = () => ({});
  close = async () => {};
}

class Pass {
  run = async () => ({ done: true, matched: 0, changed: 0, vanished: 0 });
  close() {}
}

class Events {
  readonly receiveBufferBytes = 65536;
  next = async () => undefined;
  counters = () => ({ received: 0, lostInKernel: 0, lostInQueue: 0, malformed: 0, foreign: 0 });
  close() {}
}

class Namespace {
  close() {}
}

const support = { tuple: true, status: true, zone: true };
const filesOf = (_: unknown, paths: readonly string[]) => paths.map(() => ({ text: '1\n' }));

export const WILLING = {
  NetNamespace: Namespace,
  DumpReader: Dump,
  EventReader: Events,
  RequestSocket: Requests,
  TableChanger: Pass,
  askedFields: () => 0,
  probeFilters: async () => support,
  probeFiltersNow: () => support,
  readFiles: filesOf,
  writeFile: async () => ({}),
  grantedReceiveBuffer: () => ({ bytes: 65536 }),
};
