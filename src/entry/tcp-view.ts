/**
 * What the kernel knows of a TCP connection, as a view over the record of its entry.
 */
import { type InspectOptions, inspect } from 'node:util';
import { markAsView } from '../core/check.js';
import { nameOf, TCP_STATES, type TcpState } from '../core/names.js';
import { presentFields } from '../core/present-fields.js';
import { ENTRY, ENTRY_PRESENT } from '../record/layout.js';
import { byteShift, uint8 } from '../record/words.js';
import type { TcpDirection, TcpInfo } from './entry.js';

type Inspect = (value: unknown, options: InspectOptions) => string;

// As in tuple-view.ts: what is read of every entry is short, and counts words.
const PRESENT = ENTRY.present / 4;
const STATE = ENTRY.state >>> 2;
const STATE_SHIFT = byteShift(ENTRY.state);
const HAS_TCP = ENTRY_PRESENT.tcpState;

export function tcpAt(words: Uint32Array, record: number): TcpView | undefined {
  return ((words[record + PRESENT] as number) & HAS_TCP) === 0
    ? undefined
    : new TcpView(words, record);
}

function tcpStateAt(words: Uint32Array, record: number): TcpState {
  return nameOf(TCP_STATES, ((words[record + STATE] as number) >>> STATE_SHIFT) & 0xff);
}

class TcpView implements TcpInfo {
  readonly #words: Uint32Array;
  readonly #at: number;

  constructor(words: Uint32Array, at: number) {
    this.#words = words;
    this.#at = at;
  }

  get state(): TcpState {
    return tcpStateAt(this.#words, this.#at);
  }

  get original(): TcpDirection {
    return presentFields({
      windowScale: byte(
        this.#words,
        this.#at,
        ENTRY_PRESENT.tcpOriginalWindowScale,
        ENTRY.tcpOriginalWindowScale,
      ),
      flags: byte(this.#words, this.#at, ENTRY_PRESENT.tcpOriginalFlags, ENTRY.tcpOriginalFlags),
      flagsMask: byte(
        this.#words,
        this.#at,
        ENTRY_PRESENT.tcpOriginalFlags,
        ENTRY.tcpOriginalFlags + 1,
      ),
    });
  }

  get reply(): TcpDirection {
    return presentFields({
      windowScale: byte(
        this.#words,
        this.#at,
        ENTRY_PRESENT.tcpReplyWindowScale,
        ENTRY.tcpReplyWindowScale,
      ),
      flags: byte(this.#words, this.#at, ENTRY_PRESENT.tcpReplyFlags, ENTRY.tcpReplyFlags),
      flagsMask: byte(this.#words, this.#at, ENTRY_PRESENT.tcpReplyFlags, ENTRY.tcpReplyFlags + 1),
    });
  }

  toJSON(): TcpInfo {
    const { state, original, reply } = this;
    return { state, original, reply };
  }

  [inspect.custom](_depth: number, options: InspectOptions, format: Inspect): string {
    return format(this.toJSON(), options);
  }
}

function byte(
  words: Uint32Array,
  entry: number,
  present: number,
  field: number,
): number | undefined {
  return ((words[entry + PRESENT] as number) & present) !== 0
    ? uint8(words, entry, field)
    : undefined;
}

markAsView(TcpView, 'the tcp of an entry');
