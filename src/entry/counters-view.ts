/**
 * The counters of an entry as views over its record.
 */
import { type InspectOptions, inspect } from 'node:util';
import { ENTRY, ENTRY_PRESENT } from '../record/layout.js';
import { bigint64, number64 } from '../record/words.js';
import type { Counters, CountersJson, DirectionCounters, DirectionCountersJson } from './entry.js';
import { countersJson } from './json.js';

type Inspect = (value: unknown, options: InspectOptions) => string;

// As in tuple-view.ts: what is read of every entry is short, and counts words.
const PRESENT = ENTRY.present / 4;
const ORIGINAL_COUNTERS = ENTRY.originalPackets / 4;
const REPLY_COUNTERS = ENTRY.replyPackets / 4;
const HAS_COUNTERS = ENTRY_PRESENT.originalCounters | ENTRY_PRESENT.replyCounters;

export function countersAt(words: Uint32Array, record: number): CountersView | undefined {
  return ((words[record + PRESENT] as number) & HAS_COUNTERS) === HAS_COUNTERS
    ? new CountersView(words, record)
    : undefined;
}

function directionAt(words: Uint32Array, record: number, field: number): DirectionCountersView {
  return new DirectionCountersView(words, record + field);
}

class DirectionCountersView implements DirectionCounters {
  readonly #words: Uint32Array;
  readonly #at: number;

  constructor(words: Uint32Array, at: number) {
    this.#words = words;
    this.#at = at;
  }

  get packets(): number {
    return number64(this.#words, this.#at);
  }

  get bytes(): number {
    return number64(this.#words, this.#at + 2);
  }

  get packetsBig(): bigint {
    return bigint64(this.#words, this.#at);
  }

  get bytesBig(): bigint {
    return bigint64(this.#words, this.#at + 2);
  }

  toJSON(): DirectionCountersJson {
    return countersJson(this);
  }

  [inspect.custom](_depth: number, options: InspectOptions, format: Inspect): string {
    const exact = Number.isSafeInteger(this.packets) && Number.isSafeInteger(this.bytes);
    const { packets, bytes, packetsBig, bytesBig } = this;
    return format(exact ? { packets, bytes } : { packetsBig, bytesBig }, options);
  }
}

class CountersView implements Counters {
  readonly #words: Uint32Array;
  readonly #at: number;

  constructor(words: Uint32Array, at: number) {
    this.#words = words;
    this.#at = at;
  }

  get original(): DirectionCounters {
    return directionAt(this.#words, this.#at, ORIGINAL_COUNTERS);
  }

  get reply(): DirectionCounters {
    return directionAt(this.#words, this.#at, REPLY_COUNTERS);
  }

  toJSON(): CountersJson {
    return { original: countersJson(this.original), reply: countersJson(this.reply) };
  }

  [inspect.custom](_depth: number, options: InspectOptions, format: Inspect): string {
    const { original, reply } = this;
    return format({ original, reply }, options);
  }
}
