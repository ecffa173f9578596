/**
 * Kernels behind an addon that the test plays: one that refuses everything, and one that does
 * what it is asked for.
 */
import { ANSWER_PRESENT, REQUEST, REQUEST_KINDS, SLAB } from '../../src/record/layout.js';
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
  filterLookup: () => ({ indexed: 0, looks: 0, compared: 0 }),
  probeFilters: async () => refusal,
  probeFiltersNow: () => refusal,
  readFiles: () => [],
  namespaceIds: async () => ({ ids: [], ...refusal }),
  writeFile: async () => refusal,
  grantedReceiveBuffer: () => refusal,
};

/** What was asked for is there, and what was sent is done. */
class Requests {
  send = async (requests: ArrayBuffer, size: number) => {
    const view = new DataView(requests.slice(0, size));
    const answers: number[] = [];
    const slabs: ArrayBuffer[] = [];
    for (let at = 0; at < size; ) {
      const end = at + view.getUint32(at + REQUEST.size, LITTLE_ENDIAN);
      const kind = view.getUint16(at + REQUEST.kind, LITTLE_ENDIAN);
      const entry = view.getUint32(at + REQUEST.entry, LITTLE_ENDIAN);
      if (kind === REQUEST_KINDS.usage) {
        const { done, entries, maxEntries } = ANSWER_PRESENT;
        answers.push(done | entries | maxEntries, 1, 2);
      } else {
        const present = ANSWER_PRESENT.done | ANSWER_PRESENT.record;
        answers.push(present, slabs.length, entry === 0 ? SLAB.firstEntry : entry);
        slabs.push(view.buffer.slice(at, end));
      }
      at = end;
    }
    return { answers: new Uint32Array(answers).buffer, slabs };
  };
  isOfThread = () => false;
  stats = async () => ({ cpus: [] });
  expectationStats = async () => ({ cpus: [] });
  listExpectations = async () => ({ slabs: [] });
  listTimeoutPolicies = async () => ({ slabs: [] });
  close = async () => {};
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
  filterLookup: () => ({ indexed: 0, looks: 0, compared: 0 }),
  probeFilters: async () => support,
  probeFiltersNow: () => support,
  readFiles: filesOf,
  namespaceIds: async () => ({ ids: [] }),
  writeFile: async () => ({}),
  grantedReceiveBuffer: () => ({ bytes: 65536 }),
};
