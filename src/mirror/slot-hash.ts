/**
 * From a hash to the slots that were added with it, in constant time.
 *
 * A table of 256 parts, each with open addressing: a part that grows is copied within a fraction
 * of a millisecond, where one table of a million flows would hold the event loop for 100.
 */
const PARTS = 256;
const PART_SHIFT = 24;
/** Pairs of an empty part. A part is at most two thirds full. */
const SMALLEST = 4;

/** Pairs of a hash and a slot + 1; 0 is an empty place. */
interface Part {
  pairs: Uint32Array;
  count: number;
}

export class SlotHash {
  private readonly parts: Part[] = Array.from({ length: PARTS }, () => ({
    pairs: new Uint32Array(2 * SMALLEST),
    count: 0,
  }));
  // Where `first` and `next` look.
  private pairs = (this.parts[0] as Part).pairs;
  private hash = 0;
  private place = 0;

  /** A slot with the hash, -1 when there is none. */
  first(hash: number): number {
    const { pairs } = this.partOf(hash);
    this.pairs = pairs;
    this.hash = hash;
    this.place = hash & (pairs.length / 2 - 1);
    return this.look();
  }

  /** Another one, until the next `first`, `add` or `delete`. */
  next(): number {
    this.place = (this.place + 1) & (this.pairs.length / 2 - 1);
    return this.look();
  }

  add(hash: number, slot: number): void {
    const part = this.partOf(hash);
    if (3 * ++part.count > part.pairs.length) resize(part, 2 * part.pairs.length);
    insert(part.pairs, hash, slot + 1);
  }

  /** The slot was added with the hash. */
  delete(hash: number, slot: number): void {
    const part = this.partOf(hash);
    const { pairs } = part;
    const mask = pairs.length / 2 - 1;
    let place = hash & mask;
    while (pairs[2 * place + 1] !== slot + 1) place = (place + 1) & mask;
    // What follows moves up, as far as it may stand there.
    for (let next = (place + 1) & mask; pairs[2 * next + 1] !== 0; next = (next + 1) & mask) {
      const wanted = (pairs[2 * next] as number) & mask;
      if (((next - wanted) & mask) < ((next - place) & mask)) continue;
      pairs[2 * place] = pairs[2 * next] as number;
      pairs[2 * place + 1] = pairs[2 * next + 1] as number;
      place = next;
    }
    pairs[2 * place + 1] = 0;
    part.count--;
    if (pairs.length > 2 * SMALLEST && 24 * part.count < pairs.length) {
      resize(part, pairs.length / 4);
    }
  }

  private look(): number {
    const { pairs, hash } = this;
    const mask = pairs.length / 2 - 1;
    for (let { place } = this; pairs[2 * place + 1] !== 0; place = (place + 1) & mask) {
      if (pairs[2 * place] !== hash) continue;
      this.place = place;
      return (pairs[2 * place + 1] as number) - 1;
    }
    return -1;
  }

  private partOf(hash: number): Part {
    return this.parts[hash >>> PART_SHIFT] as Part;
  }
}

function resize(part: Part, length: number): void {
  const { pairs } = part;
  part.pairs = new Uint32Array(Math.max(length, 2 * SMALLEST));
  for (let at = 0; at < pairs.length; at += 2) {
    const taken = pairs[at + 1] as number;
    if (taken !== 0) insert(part.pairs, pairs[at] as number, taken);
  }
}

function insert(pairs: Uint32Array, hash: number, taken: number): void {
  const mask = pairs.length / 2 - 1;
  let place = hash & mask;
  while (pairs[2 * place + 1] !== 0) place = (place + 1) & mask;
  pairs[2 * place] = hash;
  pairs[2 * place + 1] = taken;
}
