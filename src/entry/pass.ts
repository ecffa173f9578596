/**
 * One pass over the table that deletes or changes what matches.
 */

import { followSignal, reasonOf, unfollowSignal } from '../core/abort.js';
import { type End, Ending } from '../core/ending.js';
import { closedError, errorOfPlainFailure, typeError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import { loadAddon } from '../core/load-addon.js';
import { type Family, PROTOCOL_NUMBERS } from '../core/names.js';
import type {
  NativeFailure,
  NativeTableChanger,
  NetNamespaceArgument,
  PassOutcome,
} from '../core/native.js';
import { type CompiledFilter, compileFilter } from '../filter/compile.js';
import type { EntryFilter } from '../filter/filter.js';
import { askedFields } from '../filter/plan.js';
import type { Context } from '../request/context.js';
import { slabFor } from '../request/place.js';
import { type CheckedChanges, changesOf } from './check-changes.js';
import { errorOfPass } from './errors.js';
import { deleteOptionsOf, streamDeletesOptionsOf, updateOptionsOf } from './options.js';
import type { DeleteOptions, EntryChanges, StreamDeletesOptions, UpdateOptions } from './spec.js';
import { SPEC_BYTES, writeChanges } from './spec-writer.js';
import { WalkTrace } from './trace.js';

export interface PassCounts {
  readonly matched: number;
  readonly changed: number;
  readonly vanished: number;
}

export interface PassResult extends PassCounts {
  /** What a pass with `report` has removed or counted. */
  readonly slabs: readonly ArrayBuffer[];
}

type Filters = EntryFilter | readonly EntryFilter[];

/** Checks the arguments. */
export function deletingPass(
  filter: Filters,
  options: DeleteOptions | undefined,
  netns?: NetNamespaceArgument,
): { readonly pass: TablePass; readonly reports: boolean } {
  const compiled = deletable(filter);
  const { dryRun, entries: reports = false, signal } = deleteOptionsOf(options);
  const work = { remove: dryRun !== true, report: reports, signal };
  return { pass: new TablePass('deleteEntries', work, compiled, netns), reports };
}

/** The same for a stream, whose reads drive the pass. */
export function streamedPass(
  filter: Filters,
  options: StreamDeletesOptions | undefined,
  netns?: NetNamespaceArgument,
): TablePass {
  const compiled = deletable(filter);
  const { signal } = streamDeletesOptionsOf(options);
  const work = { remove: true, report: true, signal };
  return new TablePass('streamDeletes', work, compiled, netns, 'stream');
}

function deletable(filter: Filters): CompiledFilter {
  const compiled = compileFilter(filter);
  if (compiled.takesWholeFamily) throw typeError('filter', DELETES_ALL);
  return compiled;
}

/** The same for an update. */
export function updatingPass(
  filter: Filters,
  entryChanges: EntryChanges,
  options: UpdateOptions | undefined,
  netns?: NetNamespaceArgument,
): TablePass {
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
  return new TablePass('updateEntries', work, compiled, netns);
}

/** Deletes the entries of a family, or of both, one by one. */
export function flushingPass(
  family: Family | undefined,
  report: boolean,
  netns?: NetNamespaceArgument,
): TablePass {
  const compiled = compileFilter(family === undefined ? undefined : { family });
  return new TablePass('flushEntries', { remove: true, report }, compiled, netns);
}

const DELETES_ALL = 'matches a whole address family; to empty the table, call flushEntries()';
const UPDATES_ALL = 'matches every entry; name a condition';

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
  /** Reports what the pass removes or counts. */
  readonly report?: boolean;
  readonly changes?: CheckedChanges;
  /** That of the changes. */
  readonly record?: ArrayBuffer;
  readonly signal?: AbortSignal | undefined;
}

/** Reads a pass to its end. It ends with the context. */
export async function runPass(context: Context, pass: TablePass): Promise<PassResult> {
  return context.during(pass, async () => {
    const all: ArrayBuffer[] = [];
    for (;;) {
      const slabs = await pass.read(LIMITS.slabsInPass);
      if (slabs === undefined) return { ...pass.counts, slabs: all };
      all.push(...slabs);
    }
  });
}

/** The first read opens the sockets. */
export class TablePass {
  private readonly operation: string;
  private readonly work: Work;
  private readonly compiled: CompiledFilter;
  private readonly netns: NetNamespaceArgument;
  /** What close() closes, for its error. */
  private readonly what: 'handle' | 'stream';
  private changer: NativeTableChanger | undefined;
  private running: Promise<PassOutcome> | undefined;
  private last: PassOutcome | undefined;
  private trace: WalkTrace | undefined;
  private readonly ending = new Ending();
  /** Ends the read that is pending. */
  private wake: () => void = () => undefined;
  private releasing: Promise<void> | undefined;
  /** Slabs that no read has returned, because the pass was ended before. */
  readonly unread: ArrayBuffer[] = [];

  constructor(
    operation: string,
    work: Work,
    compiled: CompiledFilter,
    netns: NetNamespaceArgument,
    what: 'handle' | 'stream' = 'handle',
  ) {
    this.operation = operation;
    this.work = work;
    this.compiled = compiled;
    this.netns = netns;
    this.what = what;
  }

  /** So far. */
  get counts(): PassCounts {
    const { matched = 0, changed = 0, vanished = 0 } = this.last ?? {};
    return { matched, changed, vanished };
  }

  /** Whether the pass was ended from outside, or failed, before the end of the table. */
  get interrupted(): boolean {
    return this.ending.hasError;
  }

  /**
   * Works until so many slabs are to be reported, or for a while, and returns them; `undefined` at the
   * end of the table, which is all that a pass without `report` returns. Nothing is done between two
   * reads. One at a time.
   */
  async read(slabs: number): Promise<ArrayBuffer[] | undefined> {
    if (!this.ending.hasEnded() && this.changer === undefined) this.open();
    const filled = await new Promise<ArrayBuffer[] | undefined>((resolve, reject) => {
      this.wake = () => {
        resolve(undefined);
      };
      this.fill(slabs, resolve).catch(reject);
    });
    if (filled === undefined) this.ending.throwError();
    return filled;
  }

  /** The signal aborted: read() fails with its reason, whatever the kernel does. */
  abort(reason: unknown): void {
    void this.stop({ error: reason });
  }

  /** Makes read() fail, unless the table was at its end. */
  close(): Promise<void> {
    return this.stop({ error: closedError(this.operation, this.what) });
  }

  /** Ends the pass from within its own loop, which is not an error. */
  leave(): Promise<void> {
    return this.stop('complete');
  }

  private open(): void {
    const { remove = false, report = false, record, signal } = this.work;
    const { ask, records, isFamily } = this.compiled;
    if (signal?.aborted) {
      this.abort(reasonOf(signal));
      return;
    }
    if (ask === undefined) {
      void this.leave();
      return;
    }
    const filter = isFamily ? undefined : records;
    const { netns } = this;
    try {
      const { TableChanger } = loadAddon();
      this.trace = WalkTrace.begin(this.operation, () => askedFields(this.compiled));
      this.changer = new TableChanger({ ask, filter, netns, remove, report, changes: record });
    } catch (error) {
      void this.stop({ error });
      return;
    }
    const { failure } = this.changer;
    if (failure !== undefined) {
      void this.stop({ error: errorOfPlainFailure(this.operation, failure) });
    } else if (signal !== undefined) {
      followSignal(signal, this);
    }
  }

  /** Gives `take` the next slabs as they come: an end that comes then has no part in them. */
  private async fill(slabs: number, take: (filled?: ArrayBuffer[]) => void): Promise<void> {
    for (const { changer } = this; changer !== undefined && !this.ending.hasEnded(); ) {
      if (this.last?.failure !== undefined) {
        void this.stop({ error: this.errorOf(this.last.failure) });
      } else if (this.last?.done) {
        void this.leave();
      } else {
        this.running = changer.run(slabs);
        this.last = await this.running;
        const filled = [...this.last.slabs];
        if (this.trace !== undefined) this.trace.entries = this.last.matched;
        if (this.ending.hasEnded()) this.unread.push(...filled);
        else if (filled.length > 0) {
          take(filled);
          return;
        }
      }
    }
    take();
  }

  private errorOf(failure: NativeFailure) {
    return errorOfPass(this.operation, failure, this.counts, this.work.changes);
  }

  /** Ends the pass in the way that is given, unless it has ended. */
  private stop(end: End): Promise<void> {
    this.ending.set(end);
    this.wake();
    this.releasing ??= this.release();
    return this.releasing;
  }

  private async release(): Promise<void> {
    const { signal } = this.work;
    if (signal !== undefined) unfollowSignal(signal, this);
    this.trace?.end(this.ending.error);
    const [last] = await Promise.all([this.changer?.close(), this.running]);
    if (last === undefined) return;
    this.last = last;
    this.unread.push(...last.slabs);
  }
}
