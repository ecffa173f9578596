/**
 * Reads the table once, a batch of slabs at a time, while the slabs of the next ones are being
 * filled. Every way to end a reading meets here.
 */

import { followSignal, reasonOf, unfollowSignal } from '../core/abort.js';
import { type End, Ending } from '../core/ending.js';
import { closedError, errorOfPlainFailure } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import { loadAddon } from '../core/load-addon.js';
import { afterTurn } from '../core/loop-turn.js';
import type { NativeDumpReader, NetNamespaceArgument } from '../core/native.js';
import type { PlannedField } from '../filter/filter.js';
import { SLAB } from '../record/layout.js';
import { slabCount } from '../record/words.js';
import { WalkTrace } from './trace.js';

/**
 * A batch starts with one slab, so that a small table costs little, and every eighth is larger
 * by one, so that the loop over it is compiled before it is long; at its largest it wakes
 * JavaScript seldom. What is being read and what is being filled is 768 KiB at most, whatever
 * the table: were it more, the slabs would wait so long that the garbage collector takes them
 * for old ones.
 */
const { slabsInBatch, batchesAhead } = LIMITS;
const BATCHES_OF_A_SIZE = 8;

export interface TableReaderOptions {
  /** The kernel's part of the filter. `undefined`: no entry can match, and nothing is sent. */
  ask: ArrayBuffer | undefined;
  /** Filter records. `undefined`: every entry matches. */
  filter: ArrayBuffer | undefined;
  zeroCounters: boolean;
  /** The entries that are dying, instead of the table. */
  dying: boolean;
  signal: AbortSignal | undefined;
  netns: NetNamespaceArgument;
  /** For a trace: where the conditions of the filter are evaluated. */
  fields: () => readonly PlannedField[];
}

export class TableReader {
  private readonly operation: string;
  private readonly options: TableReaderOptions;
  private reader: NativeDumpReader | undefined;
  /** The slabs that the reader has, in the order in which it fills them. */
  private readonly ahead: ArrayBuffer[] = [];
  /** The number of batches that slabs were supplied for. */
  private batches = 0;
  private readonly ending = new Ending();
  private closing: Promise<void> | undefined;
  private trace: WalkTrace | undefined;

  constructor(operation: string, options: TableReaderOptions) {
    this.operation = operation;
    this.options = options;
  }

  /** Whether the reading was ended from outside, or failed, before the end of the table. */
  get interrupted(): boolean {
    return this.ending.hasError;
  }

  /** The slabs of the next batch, `undefined` at the end of the table. Not while it is pending. */
  async read(): Promise<ArrayBuffer[] | undefined> {
    if (this.reader === undefined && !this.ending.hasEnded()) await this.start();
    while (this.reader !== undefined && !this.ending.hasEnded()) {
      const slabs = await afterTurn(this.reader.next());
      // Closed or aborted meanwhile.
      if (this.ending.hasEnded()) break;
      const filled = this.ahead.splice(0, slabs);
      if (this.trace !== undefined) this.trace.entries += countOf(filled);
      const end = this.reader.end();
      if (end?.failure !== undefined) {
        await this.stop({ error: errorOfPlainFailure(this.operation, end.failure) });
        break;
      }
      if (end !== undefined) await this.stop('complete');
      else this.readAhead();
      if (slabs > 0) return filled;
    }
    this.ending.throwError();
    return undefined;
  }

  /** The signal aborted: read() then fails with its reason. */
  abort(reason: unknown): void {
    void this.stop({ error: reason });
  }

  /** Ends the reading; read() then fails, unless the table was at its end. */
  close(): Promise<void> {
    return this.stop({ error: closedError(this.operation, 'stream') });
  }

  /** Ends the reading from within its own loop, which is not an error. */
  leave(): Promise<void> {
    return this.stop('complete');
  }

  private async start(): Promise<void> {
    const { signal, ask, filter, zeroCounters, dying, netns, fields } = this.options;
    if (signal?.aborted) {
      await this.stop({ error: reasonOf(signal) });
      return;
    }
    if (ask === undefined) {
      await this.stop('complete');
      return;
    }
    try {
      const { DumpReader } = loadAddon();
      this.trace = WalkTrace.begin(this.operation, fields);
      this.reader = new DumpReader({ ask, filter, zeroCounters, dying, netns });
    } catch (error) {
      await this.stop({ error });
      return;
    }
    const { failure } = this.reader;
    if (failure !== undefined) {
      await this.stop({ error: errorOfPlainFailure(this.operation, failure) });
      return;
    }
    if (signal !== undefined) followSignal(signal, this);
    this.readAhead();
  }

  private readAhead(): void {
    const batch = Math.min(1 + Math.floor(this.batches / BATCHES_OF_A_SIZE), slabsInBatch);
    this.batches++;
    const slabs: ArrayBuffer[] = [];
    for (let n = this.ahead.length; n < batchesAhead * batch; n++) slabs.push(newSlab());
    this.ahead.push(...slabs);
    this.reader?.supply(slabs, batch);
  }

  /** Ends the reading in the way that is given, unless it has ended. */
  private stop(end: End): Promise<void> {
    this.ending.set(end);
    this.closing ??= this.release();
    return this.closing;
  }

  private async release(): Promise<void> {
    const { signal } = this.options;
    if (signal !== undefined) unfollowSignal(signal, this);
    this.ahead.length = 0;
    this.trace?.end(this.ending.error);
    await this.reader?.close();
  }
}

function countOf(slabs: readonly ArrayBuffer[]): number {
  return slabs.reduce((sum, slab) => sum + slabCount(new Uint32Array(slab)), 0);
}

/** Not zeroed: the addon writes every byte that is ever read. */
function newSlab(): ArrayBuffer {
  return Buffer.allocUnsafeSlow(SLAB.size).buffer;
}
