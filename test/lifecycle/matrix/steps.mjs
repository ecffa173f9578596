// How far an operation comes before the process, the worker or the handle ends.
import { OPERATIONS } from './operations.mjs';

export const REASON = new Error('the reason of the signal');

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Keeps the thread busy, so that the moment is not rounded to that of a timer. */
function spin(microseconds) {
  const end = performance.now() + microseconds / 1000;
  while (performance.now() < end);
}

/** One operation, called as a function of the package or as a method of a handle. */
class Case {
  made;
  iterator;
  pending;
  /** What it failed with, and should not have. */
  wrong = [];
  #controller = new AbortController();

  constructor(api, operation, caller, number) {
    this.api = api;
    this.name = `${operation}, as a ${caller}`;
    this.caller = caller;
    this.row = OPERATIONS[operation];
    this.at = { number, signal: this.#controller.signal, prepared: undefined };
  }

  async prepare() {
    this.self = this.caller === 'method' ? await this.api.Conntrack.open() : this.api;
    this.at.prepared = await this.row.prepare?.(this.self, this.at);
  }

  call() {
    this.made = this.row.begin(this.self, this.at);
    if (this.row.reads) {
      this.iterator = this.made.batches?.() ?? this.made;
      this.read();
    } else this.pending = this.#watched(Promise.resolve(this.made));
  }

  read() {
    this.pending = this.#watched(this.iterator.next());
  }

  /** Reads to the end. */
  async readOn() {
    while ((await this.pending)?.done === false) this.read();
  }

  abort() {
    this.#controller.abort(REASON);
  }

  /** Closes what the caller can close: the handle, and else the stream. */
  async close() {
    if (this.caller === 'method') await this.self.close();
    else await (this.made.close?.() ?? this.made.return());
  }

  /** Ends whatever the operation is doing, and has. */
  async release() {
    this.abort();
    const { prepared } = this.at;
    const result = this.row.reads ? undefined : await this.pending;
    const closing = [prepared, this.made, result].map((one) => one?.close?.());
    await Promise.all([...closing, this.iterator?.return?.()]);
    if (this.caller === 'method') await this.self.close();
    await this.pending;
  }

  /** The same promise, which no longer rejects. */
  #watched(promise) {
    return promise.catch((error) => {
      const expected = ['ERR_CONNTRACK_CLOSED', ...(this.row.fails ?? [])];
      if (error !== REASON && !expected.includes(error?.code)) this.wrong.push(error);
      return undefined;
    });
  }
}

/** Each brings a case further that has been called. */
const ADVANCE = {
  called: () => undefined,
  'under way': () => turn(),
  'between two reads': async (one) => {
    const stirring = one.row.stir?.(one.self, one.at);
    await one.pending;
    one.pending = undefined;
    await stirring;
  },
  'in a later read': async (one) => {
    await ADVANCE['between two reads'](one);
    one.read();
  },
  aborted: async (one) => {
    await turn();
    one.abort();
  },
  closed: async (one) => {
    await turn();
    void one.close();
  },
  settled: async (one) => {
    if (one.row.endless) await one.close();
    await one.readOn();
  },
};

export const STEPS = Object.keys(ADVANCE);

const APPLIES = {
  'between two reads': ({ reads }) => reads,
  'in a later read': ({ reads }) => reads,
  aborted: ({ signal }) => signal,
  closed: ({ reads }, caller) => reads || caller === 'method',
  settled: ({ endless }, caller) => !endless || caller === 'method',
};

/** The operations and callers that come to a step, of these operations or all. */
export function cellsOf(step, operations = Object.keys(OPERATIONS)) {
  const applies = APPLIES[step] ?? (() => true);
  return operations.flatMap((operation) =>
    ['function', 'method']
      .filter((caller) => (OPERATIONS[operation].on ?? caller) === caller)
      .filter((caller) => applies(OPERATIONS[operation], caller))
      .map((caller) => ({ operation, caller })),
  );
}

/** The steps from which on an operation keeps the process alive, by what its row says. */
const KEEPING = {
  pending: ['called', 'under way', 'in a later read'],
  open: ['called', 'under way', 'between two reads', 'in a later read', 'settled'],
};

/** Whether the process goes on for as long as the operation is at the step. */
export function keepsAlive(step, { operation }) {
  const { keeps, endless } = OPERATIONS[operation];
  // Streams without an end settle when they are closed.
  return keeps !== undefined && KEEPING[keeps].includes(step) && !(endless && step === 'settled');
}

/** Whether the garbage collector ends what is at the step: not what somebody still reads. */
export function isCollected(step, cell) {
  const { keeps, reads, isRead } = OPERATIONS[cell.operation];
  const hasReader = isRead || (reads && KEEPING.pending.includes(step));
  return !keepsAlive(step, cell) || (keeps === 'open' && !hasReader);
}

/**
 * Brings each to the step, all at the same time, and `microseconds` further. Their flows have the
 * addresses from number `first` on, which nobody else uses.
 */
export async function reach({ apis, step, cells, first = 0, microseconds = 0 }) {
  let number = first;
  const cases = apis.flatMap((api) =>
    cells.map(({ operation, caller }) => new Case(api, operation, caller, number++)),
  );
  await Promise.all(cases.map((one) => one.prepare()));
  for (const one of cases) one.call();
  if (step !== 'called') await Promise.all(cases.map((one) => ADVANCE[step](one)));
  spin(microseconds);
  return cases;
}

/** Fails with what operations have failed with, if any should not have. */
export function refuseFaults(cases) {
  const faults = cases.flatMap(({ name, wrong }) => wrong.map((error) => [name, error]));
  for (const [name, error] of faults) console.error(`${name}:`, error);
  if (faults.length > 0) throw new Error(`${faults.length} operations failed`);
}
