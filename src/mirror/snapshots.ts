/**
 * Entries that leave a mirror: copies, for the records of flows go on changing.
 */
import type { Entry, EntryBase } from '../entry/entry.js';
import { EntryView } from '../entry/view.js';
import { ENTRY, SLAB } from '../record/layout.js';
import { LITTLE_ENDIAN } from '../record/words.js';
import { type FlowRecord, RECORD_WORDS } from './merge.js';

const FIRST = SLAB.firstEntry / 4;
const TIMEOUT = ENTRY.timeout / 4;

/** A slab as the addon fills them: records from the front, extensions from the back. */
export class SnapshotSlab {
  /** So many have room, without extensions. */
  static readonly most = Math.floor((SLAB.size / 4 - FIRST) / RECORD_WORDS);

  readonly buffer: ArrayBuffer;
  private readonly words: Uint32Array;
  private readonly view: DataView;
  private front = FIRST;
  private back: number;

  /** With room for `bytes` at least. */
  constructor(bytes: number = SLAB.size) {
    this.buffer = new ArrayBuffer(bytes);
    this.words = new Uint32Array(this.buffer);
    this.view = new DataView(this.buffer);
    this.back = this.words.length;
    const now = BigInt(Date.now()) * 1_000_000n;
    this.view.setBigUint64(SLAB.readTime, now, LITTLE_ENDIAN);
  }

  /** Copies a flow, less the seconds since the kernel reported its timeout; `false`: no room. */
  add({ words, at, extension }: FlowRecord, seconds: number): boolean {
    const size = extension === undefined ? 0 : (extension.length + 1) & ~1;
    const to = this.front;
    if (to + RECORD_WORDS + size > this.back) return false;
    this.front += RECORD_WORDS;
    for (let word = 0; word < RECORD_WORDS; word++)
      this.words[to + word] = words[at + word] as number;
    this.words[to + TIMEOUT] = Math.max(0, (words[at + TIMEOUT] as number) - seconds);
    if (extension !== undefined) {
      this.back -= size;
      this.words.set(extension, this.back);
      this.view.setUint16(4 * to + ENTRY.extension, this.back / 2, LITTLE_ENDIAN);
    }
    this.words[SLAB.count / 4] = this.count;
    return true;
  }

  get count(): number {
    return (this.front - FIRST) / RECORD_WORDS;
  }

  entry(index: number): Entry {
    return new EntryView(this.words, FIRST + index * RECORD_WORDS) as EntryBase as Entry;
  }

  /** Nobody has an entry of it. */
  clear(): this {
    this.words.fill(0, FIRST);
    this.front = FIRST;
    this.back = this.words.length;
    return this;
  }
}

export class Snapshots {
  private slab = new SnapshotSlab(SLAB.firstEntry);

  /** Copies share slabs, as the entries of a stream do. */
  entryOf(flow: FlowRecord, seconds: number): Entry {
    if (!this.slab.add(flow, seconds)) {
      const { extension = { length: 0 } } = flow;
      const least = SLAB.firstEntry + 4 * (RECORD_WORDS + extension.length + 1);
      this.slab = new SnapshotSlab(Math.max(SMALL, (least + 7) & ~7));
      this.slab.add(flow, seconds);
    }
    return this.slab.entry(this.slab.count - 1);
  }
}

/** Fewer than in the slabs of a stream: one that is kept keeps the others. */
const SMALL = 8192;
