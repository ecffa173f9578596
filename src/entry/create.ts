/**
 * Creating entries. What a specification can get wrong is checked before it is sent.
 */
import { setImmediate } from 'node:timers/promises';
import { itemsOf } from '../core/check.js';
import { ConntrackError, isSilence, silenceError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import { type UncertainPorts, uncertainPorts } from '../record/check-tuple.js';
import type { Answer } from '../request/answer.js';
import { ITEMS_A_TURN } from '../request/pipelined.js';
import type { RequestQueue } from '../request/queue.js';
import type { Waiter } from '../request/request.js';
import { type CheckedSpec, specOf } from './check-spec.js';
import { entryAt } from './entries.js';
import type { Entry } from './entry.js';
import {
  errorOfCreation,
  leftUnlabelledError,
  unlabelledError,
  unreadEntryError,
} from './errors.js';
import { namedByEntry } from './named-key.js';
import { remove } from './requests.js';
import type { EntrySpec, ReplySpec, RequestResult } from './spec.js';
import { mastersFirst } from './spec-order.js';
import { SPEC_BYTES, writeSpec } from './spec-writer.js';

/** Of a specification, what its answer is compared with. The rest is not kept while it waits. */
interface Asked {
  readonly labels: bigint | undefined;
  readonly helper: string | undefined;
  readonly hasMaster: boolean;
  readonly ports: UncertainPorts | undefined;
}

const NOTHING: Asked = {
  labels: undefined,
  helper: undefined,
  hasMaster: false,
  ports: undefined,
};

/** `NOTHING` for most. */
function askedOf({ labels, helper, master, original, protocol }: CheckedSpec): Asked {
  const hasMaster = master !== undefined;
  const ports = uncertainPorts(original, protocol);
  const asksNothing = (labels ?? helper ?? ports) === undefined && !hasMaster;
  return asksNothing ? NOTHING : { labels, helper, hasMaster, ports };
}

export function createEntry(requests: RequestQueue, spec: EntrySpec | ReplySpec): Promise<Entry> {
  return create(requests, 'createEntry', specOf(spec, 'spec'), entryOf);
}

function entryOf({ entry, error }: RequestResult): Entry {
  if (error !== undefined) throw error;
  return entry;
}

/** `finish` makes of the result what the promise resolves with: another promise would cost more. */
export function create<T>(
  requests: RequestQueue,
  operation: string,
  spec: CheckedSpec,
  finish: (result: RequestResult) => T,
): Promise<T> {
  const asked = askedOf(spec);
  const request = requests.begin<T>(operation, 'create', SPEC_BYTES, (answer) => {
    const result = resultOf(operation, answer, asked);
    return lacksLabels(result, asked)
      ? removeUnlabelled(requests, operation, result.entry).then(finish)
      : finish(result);
  });
  writeSpec(request, spec);
  return request.promise;
}

export async function createEntries(
  requests: RequestQueue,
  specs: readonly (EntrySpec | ReplySpec)[],
): Promise<RequestResult[]> {
  const items = itemsOf(specs, 'specs', 'an array of specifications');
  return createAll(requests, 'createEntries', items, (index) => `specs[${index}]`);
}

/** `pathOf`: the name of an item in errors. */
export async function createAll(
  requests: RequestQueue,
  operation: string,
  items: readonly unknown[],
  pathOf: (index: number) => string,
): Promise<RequestResult[]> {
  const creations = new Creations(requests, operation, items.length);
  // Those are checked while others are under way, and sent when all others are there.
  const related: { readonly index: number; readonly spec: CheckedSpec }[] = [];
  for (const [index, item] of items.entries()) {
    if (index % ITEMS_A_TURN === ITEMS_A_TURN - 1) await setImmediate();
    if (creations.isFull) await creations.room();
    let spec: CheckedSpec;
    try {
      spec = specOf(item, pathOf(index));
    } catch (error) {
      creations.results[index] = { error: error as TypeError | RangeError };
      continue;
    }
    if (spec.master === undefined) creations.send(index, spec);
    else related.push({ index, spec });
  }
  await creations.end();
  for (const { index, spec } of mastersFirst(related)) {
    if (creations.isFull) await creations.room();
    creations.send(index, spec);
  }
  await creations.end();
  return creations.results;
}

/** Those of one call: each has its own result, whatever becomes of the others. */
class Creations implements Waiter {
  /** By index. */
  readonly results: RequestResult[];
  private readonly requests: RequestQueue;
  private readonly operation: string;
  /** Of those under way; most ask for nothing that the kernel may leave out. */
  private readonly asked = new Map<number, Asked>();
  private underWay = 0;
  /** Called once no more than so many are under way. */
  private wake: (() => void) | undefined;
  private wakesAt = 0;
  private isAnswered = false;
  /** Why no more is sent: the handle is closed, or a kernel does not answer one, and so none. */
  private stopped: ConntrackError | undefined;
  private failure: Error | undefined;

  constructor(requests: RequestQueue, operation: string, length: number) {
    this.requests = requests;
    this.operation = operation;
    this.results = new Array<RequestResult>(length);
  }

  get isFull(): boolean {
    return this.underWay >= LIMITS.itemsUnderWay;
  }

  /** Resolves when there is room for one. */
  room(): Promise<void> {
    return this.atMost(LIMITS.itemsUnderWay - 1);
  }

  /** Resolves when all have their results. Rejects when none was sent. */
  async end(): Promise<void> {
    await this.atMost(0);
    this.throwIfNoneWasSent();
  }

  send(index: number, spec: CheckedSpec): void {
    if (this.stopped !== undefined) {
      this.throwIfNoneWasSent();
      this.results[index] = { error: this.stopped };
      return;
    }
    this.underWay++;
    try {
      const request = this.requests.post(this.operation, 'create', SPEC_BYTES, this, index);
      writeSpec(request, spec);
      const asked = askedOf(spec);
      if (asked !== NOTHING) this.asked.set(index, asked);
    } catch (error) {
      this.refuse(error, index);
    }
  }

  settle(answer: Answer, index: number): void {
    this.isAnswered = true;
    const { operation, requests } = this;
    const asked = this.asked.get(index) ?? NOTHING;
    if (asked !== NOTHING) this.asked.delete(index);
    const result = resultOf(operation, answer, asked);
    const { error } = result;
    if (error instanceof ConntrackError && isSilence(error)) {
      this.stopped ??= silenceError(operation);
    }
    if (lacksLabels(result, asked)) {
      void removeUnlabelled(requests, operation, result.entry).then((instead) => {
        this.take(instead, index);
      });
    } else {
      this.take(result, index);
    }
  }

  refuse(error: unknown, index: number): void {
    if (error instanceof ConntrackError) {
      this.stopped ??= error;
      this.take({ error }, index);
    } else {
      this.failure ??= error as Error;
      this.awake();
    }
  }

  private take(result: RequestResult, index: number): void {
    this.results[index] = result;
    this.underWay--;
    if (this.underWay <= this.wakesAt) this.awake();
  }

  /** Once: V8 reports each further one to Node.js, which takes as long as half a creation. */
  private awake(): void {
    const { wake } = this;
    this.wake = undefined;
    wake?.();
  }

  private throwIfNoneWasSent(): void {
    if (this.stopped !== undefined && !this.isAnswered && this.underWay === 0) throw this.stopped;
  }

  private async atMost(most: number): Promise<void> {
    this.wakesAt = most;
    while (this.failure === undefined && this.underWay > most) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    if (this.failure !== undefined) throw this.failure;
  }
}

function resultOf(
  operation: string,
  { isDone, words, at, failure }: Answer,
  asked: Asked,
): RequestResult {
  if (words !== undefined) return { entry: entryAt(words, at) };
  if (isDone || failure === undefined) {
    return { error: unreadEntryError(operation, 'created', failure) };
  }
  return { error: errorOfCreation(operation, failure, asked) };
}

/**
 * An update without room for labels is refused; here the kernel leaves them out in silence
 * (ctnetlink_create_conntrack).
 */
function lacksLabels(
  result: RequestResult,
  { labels = 0n }: Asked,
): result is { readonly entry: Entry } {
  return labels !== 0n && result.entry !== undefined && result.entry.labels === undefined;
}

/** Whatever becomes of it is the result of one item. */
async function removeUnlabelled(
  requests: RequestQueue,
  operation: string,
  entry: Entry,
): Promise<RequestResult> {
  try {
    await remove(requests, operation, namedByEntry(entry));
    return { error: unlabelledError(operation) };
  } catch (error) {
    return { error: leftUnlabelledError(operation, error) };
  }
}
