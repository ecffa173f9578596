/**
 * Entries that leave a mirror: copies, for the records of flows go on changing.
 */
import type { Entry, EntryBase } from '../entry/entry.js';
import { EntryView } from '../entry/view.js';
import { ENTRY, ENTRY_PRESENT, SLAB } from '../record/layout.js';
import { LITTLE_ENDIAN } from '../record/words.js';
import { type FlowRecord, RECORD_WORDS } from './merge.js';

const WORDS = SLAB.size / 4;
const FIRST = SLAB.firstEntry / 4;

/** Copies share slabs, as the entries of a stream do. */
export class Snapshots {
  private words = new Uint32Array(0);
  private view = new DataView(this.words.buffer);
  private front = 0;
  private back = 0;

  /** `seconds`: so long ago the kernel spoke of the flow. */
  entryOf({ words, at, extension }: FlowRecord, seconds: number): Entry {
    const size = extension === undefined ? 0 : (extension.length + 1) & ~1;
    if (this.front + RECORD_WORDS + size > this.back) this.begin(RECORD_WORDS + size);
    const to = this.front;
    this.front += RECORD_WORDS;
    this.words.set(words.subarray(at, at + RECORD_WORDS), to);
    const left = to + ENTRY.timeout / 4;
    if (((words[at + ENTRY.present / 4] as number) & ENTRY_PRESENT.timeout) !== 0) {
      this.words[left] = Math.max(0, (this.words[left] as number) - seconds);
    }
    if (extension !== undefined) {
      this.back -= size;
      this.words.set(extension, this.back);
      this.view.setUint16(4 * to + ENTRY.extension, this.back / 2, LITTLE_ENDIAN);
    }
    return new EntryView(this.words, to) as EntryBase as Entry;
  }

  private begin(least: number): void {
    const length = Math.max(WORDS, FIRST + least);
    this.words = new Uint32Array(length);
    this.view = new DataView(this.words.buffer);
    const now = BigInt(Date.now()) * 1_000_000n;
    this.view.setBigUint64(SLAB.readTime, now, LITTLE_ENDIAN);
    this.front = FIRST;
    this.back = length;
  }
}
