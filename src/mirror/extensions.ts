/**
 * The extensions of the records of a mirror: labels, helpers, masters, and what few flows have.
 */
import { EXTENSION } from '../record/layout.js';

/** Room for most: 48 bytes of helper and security context. Longer ones are kept one by one. */
const WORDS = (EXTENSION.size + 48) / 4;

const EVENT_TIME = EXTENSION.eventTime / 4;

const PAGE_BITS = 10;
const PAGE_PLACES = 1 << PAGE_BITS;

export class Extensions {
  /** The place of a slot's extension. */
  private readonly places = new Map<number, number>();
  private readonly pages: Uint32Array[] = [];
  private readonly lengths: number[] = [];
  private readonly free: number[] = [];
  private readonly long = new Map<number, Uint32Array>();

  get(slot: number): Uint32Array | undefined {
    const place = this.places.get(slot);
    if (place === undefined) return this.long.get(slot);
    return this.room(place).subarray(0, this.lengths[place]);
  }

  /** Copies the words, but for the time of an event. */
  set(slot: number, words: Uint32Array): void {
    if (words.length > WORDS) {
      this.delete(slot);
      const copy = words.slice();
      copy.fill(0, EVENT_TIME, EVENT_TIME + 2);
      this.long.set(slot, copy);
      return;
    }
    this.long.delete(slot);
    const place = this.places.get(slot) ?? this.take(slot);
    const room = this.room(place);
    room.set(words);
    room.fill(0, EVENT_TIME, EVENT_TIME + 2);
    this.lengths[place] = words.length;
  }

  delete(slot: number): void {
    if (this.places.size === 0 && this.long.size === 0) return;
    this.long.delete(slot);
    const place = this.places.get(slot);
    if (place === undefined) return;
    this.places.delete(slot);
    this.free.push(place);
  }

  private take(slot: number): number {
    const place = this.free.pop() ?? this.lengths.push(0) - 1;
    if (place >>> PAGE_BITS === this.pages.length) {
      this.pages.push(new Uint32Array(PAGE_PLACES * WORDS));
    }
    this.places.set(slot, place);
    return place;
  }

  private room(place: number): Uint32Array {
    const at = (place & (PAGE_PLACES - 1)) * WORDS;
    return (this.pages[place >>> PAGE_BITS] as Uint32Array).subarray(at, at + WORDS);
  }
}
