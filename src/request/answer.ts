/**
 * What became of requests that were sent together.
 */
import { isRefusal } from '../core/errors.js';
import type { NativeFailure, RequestOutcome } from '../core/native.js';
import { ANSWER, ANSWER_PRESENT } from '../record/layout.js';

/** What became of one request. */
export interface Answer {
  /** The kernel has done it; a failure is that of reading it back. */
  readonly isDone: boolean;
  /** The slab of its record, if it has one. */
  readonly words: Uint32Array | undefined;
  /** Where the record is, in words. */
  readonly at: number;
  /** Of `usage`. */
  readonly usage: Usage | undefined;
  readonly failure: NativeFailure | undefined;
}

export interface Usage {
  readonly entries: number;
  /** `undefined` before Linux 4.18. */
  readonly maxEntries: number | undefined;
}

export class Answers {
  private readonly words: Uint32Array;
  private readonly slabs: readonly Uint32Array[];
  private readonly failures: ReadonlyMap<number, NativeFailure> | undefined;

  constructor({ answers, slabs, failures }: RequestOutcome) {
    this.words = new Uint32Array(answers);
    this.slabs = slabs.map((slab) => new Uint32Array(slab));
    this.failures = failures && mapOf(failures);
  }

  /** The kernel answered EPERM to one of them. */
  get hasRefusal(): boolean {
    return this.failures !== undefined && [...this.failures.values()].some(isRefusal);
  }

  of(index: number): Answer {
    const at = (index * ANSWER.size) / 4;
    const present = this.words[at + ANSWER.present / 4] as number;
    const slab = this.words[at + ANSWER.slab / 4] as number;
    return {
      isDone: (present & ANSWER_PRESENT.done) !== 0,
      words: present & ANSWER_PRESENT.record ? this.slabs[slab] : undefined,
      at: (this.words[at + ANSWER.at / 4] as number) / 4,
      usage: present & ANSWER_PRESENT.entries ? this.usageAt(at, present) : undefined,
      failure: this.failures?.get(index),
    };
  }

  private usageAt(at: number, present: number): Usage {
    const maxEntries = this.words[at + ANSWER.maxEntries / 4] as number;
    return {
      entries: this.words[at + ANSWER.entries / 4] as number,
      maxEntries: present & ANSWER_PRESENT.maxEntries ? maxEntries : undefined,
    };
  }
}

/** Numbers of requests, and their failures, by turns. */
function mapOf(pairs: NonNullable<RequestOutcome['failures']>): Map<number, NativeFailure> {
  const map = new Map<number, NativeFailure>();
  for (let i = 0; i < pairs.length; i += 2) {
    map.set(pairs[i] as number, pairs[i + 1] as NativeFailure);
  }
  return map;
}
