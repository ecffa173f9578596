/**
 * One pass over the table that deletes or changes what matches.
 */

import { followSignal, throwIfAborted, unfollowSignal } from '../core/abort.js';
import { closedError, errorOfPlainFailure, typeError } from '../core/errors.js';
import { loadAddon } from '../core/load-addon.js';
import { type Family, PROTOCOL_NUMBERS } from '../core/names.js';
import type { NativeTableChanger, NetNamespaceArgument } from '../core/native.js';
import { type CompiledFilter, compileFilter } from '../filter/compile.js';
import type { EntryFilter } from '../filter/filter.js';
import { askedFields } from '../filter/plan.js';
import type { Context } from '../request/context.js';
import { slabFor } from '../request/place.js';
import { type CheckedChanges, changesOf } from './check-changes.js';
import { errorOfPass } from './errors.js';
import { deleteOptionsOf, updateOptionsOf } from './options.js';
import type { DeleteOptions, EntryChanges, UpdateOptions } from './spec.js';
import { SPEC_BYTES, writeChanges } from './spec-writer.js';
import { WalkTrace } from './trace.js';

export interface PassCounts {
  readonly matched: number;
  readonly changed: number;
  readonly vanished: number;
}

type Filters = EntryFilter | readonly EntryFilter[];

/** Checks the arguments and opens the pass; `undefined` when nothing can match. */
export function deletingPass(
  filter: Filters,
  options: DeleteOptions | undefined,
  netns?: NetNamespaceArgument,
): TablePass | undefined {
  if ((filter as unknown) === undefined) throw typeError('filter', DELETES_ALL);
  const compiled = compileFilter(filter);
  if (compiled.takesWholeFamily) throw typeError('filter', DELETES_ALL);
  const { dryRun, signal } = deleteOptionsOf(options);
  return open(netns, 'deleteEntries', { remove: dryRun !== true, signal }, compiled);
}

/** The same for an update. */
export function updatingPass(
  filter: Filters,
  entryChanges: EntryChanges,
  options: UpdateOptions | undefined,
  netns?: NetNamespaceArgument,
): TablePass | undefined {
  if ((filter as unknown) === undefined) throw typeError('filter', UPDATES_ALL);
  const compiled = compileFilter(filter);
  if (compiled.records === undefined) throw typeError('filter', UPDATES_ALL);
  const changes = changesOf(entryChanges);
  const { signal } = updateOptionsOf(options);
  for (const name of ['tcp', 'sctp'] as const) {
    // For entries of other protocols the kernel ignores the change and reports success.
    if (changes[name] !== undefined && !areAllOf(compiled, name)) {
      throw typeError(`changes.${name}`, `requires protocol: '${name}' in the filter`);
    }
  }
  for (const name of ['sequenceAdjust', 'synproxy'] as const) {
    // A pass cannot detect that the kernel ignored these in an entry without room.
    if (changes[name] !== undefined)
      throw typeError(`changes.${name}`, 'only updateEntry() takes it');
  }
  const { slab, ...place } = slabFor(SPEC_BYTES);
  writeChanges(place, changes);
  const work = { record: slab, changes, signal };
  return open(netns, 'updateEntries', work, compiled);
}

/** Deletes the entries of a family one by one. */
export function flushingPass(family: Family, netns?: NetNamespaceArgument): TablePass | undefined {
  return open(netns, 'flushEntries', { remove: true }, compileFilter({ family }));
}

const DELETES_ALL = 'matches a whole address family; to empty the table, call flushEntries()';
const UPDATES_ALL = 'matches every entry; name a condition';

function open(
  netns: NetNamespaceArgument,
  operation: string,
  work: Work,
  compiled: CompiledFilter,
): TablePass | undefined {
  if (work.signal !== undefined) throwIfAborted(work.signal);
  const { ask, records, isFamily } = compiled;
  if (ask === undefined) return undefined;
  const trace = WalkTrace.begin(operation, () => askedFields(compiled));
  const selection = { ask, filter: isFamily ? undefined : records, netns };
  return new TablePass(operation, work, selection, trace);
}

function areAllOf({ filters }: CompiledFilter, protocol: 'tcp' | 'sctp'): boolean {
  const wanted = PROTOCOL_NUMBERS[protocol];
  return filters.every(({ filter }) => {
    const protocols = [filter.protocol ?? []].flat();
    return protocols.length > 0 && protocols.every((one) => one === wanted);
  });
}

/** What is done to the entries that match; without `remove` and `changes` they are counted. */
interface Work {
  readonly remove?: boolean;
  readonly changes?: CheckedChanges;
  /** That of the changes. */
  readonly record?: ArrayBuffer;
  readonly signal?: AbortSignal | undefined;
}

/** Counts nothing where nothing can match. The pass ends with the context. */
export async function runPass(context: Context, pass: TablePass | undefined): Promise<PassCounts> {
  if (pass === undefined) return { matched: 0, changed: 0, vanished: 0 };
  return context.during(pass, () => pass.run());
}

export class TablePass {
  private readonly operation: string;
  private readonly changer: NativeTableChanger;
  private readonly changes: CheckedChanges | undefined;
  private readonly signal: AbortSignal | undefined;
  private readonly trace: WalkTrace | undefined;
  private end: (error: unknown) => void = () => undefined;
  private releasing: Promise<void> | undefined;

  constructor(
    operation: string,
    { remove = false, changes, record, signal }: Work,
    selection: { ask: ArrayBuffer; filter: ArrayBuffer | undefined; netns: NetNamespaceArgument },
    trace?: WalkTrace,
  ) {
    this.operation = operation;
    this.changes = changes;
    this.signal = signal;
    this.trace = trace;
    const { TableChanger } = loadAddon();
    this.changer = new TableChanger({ ...selection, remove, changes: record });
    const { failure } = this.changer;
    if (failure !== undefined) throw errorOfPlainFailure(operation, failure);
  }

  async run(): Promise<PassCounts> {
    const { signal } = this;
    const ending = new Promise<never>((_, reject) => {
      this.end = reject;
    });
    if (signal !== undefined) followSignal(signal, this);
    try {
      const counts = await Promise.race([this.walk(), ending]);
      this.trace?.end();
      return counts;
    } catch (error) {
      this.trace?.end(error);
      throw error;
    } finally {
      if (signal !== undefined) unfollowSignal(signal, this);
      void this.release();
    }
  }

  /** The signal aborted: run() fails with its reason, whatever the kernel does. */
  abort(reason: unknown): void {
    this.end(reason);
  }

  /** Makes run() fail. */
  close(): Promise<void> {
    this.end(closedError(this.operation, 'handle'));
    return this.release();
  }

  private async walk(): Promise<PassCounts> {
    for (;;) {
      const { done, failure, matched, changed, vanished } = await this.changer.run();
      const counts = { matched, changed, vanished };
      if (this.trace !== undefined) this.trace.entries = matched;
      if (failure !== undefined) throw errorOfPass(this.operation, failure, counts, this.changes);
      if (done) return counts;
      // Nobody waits for it any more.
      if (this.releasing !== undefined) throw closedError(this.operation, 'handle');
    }
  }

  private release(): Promise<void> {
    this.releasing ??= this.changer.close();
    return this.releasing;
  }
}
