/**
 * The flows of each key of a dimension, as lists, and how many there are.
 */
import { type Dimension, KEY_WORDS } from './dimensions.js';
import { PAGE_SLOTS } from './flow-records.js';
import { SlotHash } from './slot-hash.js';

/** A place in a list: its group + 1, and its neighbours + 1; 0 is none. */
const LINK_WORDS = 3;
const GROUP = 0;
const NEXT = 1;
const PREVIOUS = 2;

/** A group: the key, its first place + 1, and how many there are. */
const GROUP_WORDS = KEY_WORDS + 2;
const FIRST = KEY_WORDS;
const COUNT = KEY_WORDS + 1;
const PAGE_GROUPS = 1024;

export class FlowIndex {
  private readonly dimension: Dimension;
  private readonly links: Uint32Array[] = [];
  private readonly groups: Uint32Array[] = [];
  private readonly free: number[] = [];
  private readonly byKey = new SlotHash();
  private readonly keys: Uint32Array;
  private groupsUsed = 0;
  private groupCount = 0;

  constructor(dimension: Dimension) {
    this.dimension = dimension;
    this.keys = new Uint32Array(dimension.most * KEY_WORDS);
  }

  /** How many keys there are. */
  get size(): number {
    return this.groupCount;
  }

  /** The flow of the slot has these keys now, whether it is in the index or not. */
  put(slot: number, words: Uint32Array, at: number): void {
    const { dimension, keys } = this;
    const count = dimension.keys(words, at, keys);
    for (let which = 0; which < dimension.most; which++) {
      const place = slot * dimension.most + which;
      const group = this.link(place, GROUP) - 1;
      if (which >= count) {
        if (group !== -1) this.unchain(place);
        continue;
      }
      if (group !== -1) {
        if (this.isKeyOf(group, which * KEY_WORDS)) continue;
        this.unchain(place);
      }
      this.chain(place, this.groupOf(which * KEY_WORDS));
    }
  }

  delete(slot: number): void {
    const { most } = this.dimension;
    for (let place = slot * most; place < (slot + 1) * most; place++) {
      if (this.link(place, GROUP) !== 0) this.unchain(place);
    }
  }

  /** The slots of a key, as they are now. */
  slotsOf(key: Uint32Array): Uint32Array {
    this.keys.set(key);
    const group = this.find(0);
    if (group === -1) return new Uint32Array(0);
    const slots = new Uint32Array(this.groupWord(group, COUNT));
    let index = 0;
    for (
      let place = this.groupWord(group, FIRST);
      place !== 0;
      place = this.link(place - 1, NEXT)
    ) {
      slots[index++] = Math.floor((place - 1) / this.dimension.most);
    }
    return slots;
  }

  /** Whether the slot is in the list of the key. */
  has(slot: number, key: Uint32Array): boolean {
    const { most } = this.dimension;
    this.keys.set(key);
    for (let place = slot * most; place < (slot + 1) * most; place++) {
      const group = this.link(place, GROUP) - 1;
      if (group !== -1 && this.isKeyOf(group, 0)) return true;
    }
    return false;
  }

  /** Calls `visit` with the group of each key that has flows, and how many. */
  forEach(visit: (group: number, count: number) => void): void {
    for (let group = 0; group < this.groupsUsed; group++) {
      const count = this.groupWord(group, COUNT);
      if (count > 0) visit(group, count);
    }
  }

  /** The key of a group. */
  textOf(group: number): string {
    return this.dimension.text(this.groupPage(group), groupAt(group));
  }

  private chain(place: number, group: number): void {
    const first = this.groupWord(group, FIRST);
    this.setLink(place, GROUP, group + 1);
    this.setLink(place, NEXT, first);
    this.setLink(place, PREVIOUS, 0);
    if (first !== 0) this.setLink(first - 1, PREVIOUS, place + 1);
    this.setGroupWord(group, FIRST, place + 1);
    this.setGroupWord(group, COUNT, this.groupWord(group, COUNT) + 1);
  }

  private unchain(place: number): void {
    const group = this.link(place, GROUP) - 1;
    const next = this.link(place, NEXT);
    const previous = this.link(place, PREVIOUS);
    if (next !== 0) this.setLink(next - 1, PREVIOUS, previous);
    if (previous === 0) this.setGroupWord(group, FIRST, next);
    else this.setLink(previous - 1, NEXT, next);
    this.setLink(place, GROUP, 0);
    const left = this.groupWord(group, COUNT) - 1;
    this.setGroupWord(group, COUNT, left);
    if (left > 0) return;
    this.byKey.delete(hashOf(this.groupPage(group), groupAt(group)), group);
    this.free.push(group);
    this.groupCount--;
  }

  /** The group of the key at a word of `keys`, which is made if there is none. */
  private groupOf(from: number): number {
    const found = this.find(from);
    if (found !== -1) return found;
    const group = this.free.pop() ?? this.groupsUsed++;
    if (Math.floor(group / PAGE_GROUPS) === this.groups.length) {
      this.groups.push(new Uint32Array(PAGE_GROUPS * GROUP_WORDS));
    }
    this.groupPage(group).set(this.keys.subarray(from, from + KEY_WORDS), groupAt(group));
    this.setGroupWord(group, FIRST, 0);
    this.setGroupWord(group, COUNT, 0);
    this.byKey.add(hashOf(this.keys, from), group);
    this.groupCount++;
    return group;
  }

  private find(from: number): number {
    const { byKey } = this;
    let group = byKey.first(hashOf(this.keys, from));
    while (group !== -1 && !this.isKeyOf(group, from)) group = byKey.next();
    return group;
  }

  private isKeyOf(group: number, from: number): boolean {
    const page = this.groupPage(group);
    const at = groupAt(group);
    for (let word = 0; word < KEY_WORDS; word++) {
      if (page[at + word] !== this.keys[from + word]) return false;
    }
    return true;
  }

  private groupPage(group: number): Uint32Array {
    return this.groups[Math.floor(group / PAGE_GROUPS)] as Uint32Array;
  }

  private groupWord(group: number, word: number): number {
    return this.groupPage(group)[groupAt(group) + word] as number;
  }

  private setGroupWord(group: number, word: number, value: number): void {
    this.groupPage(group)[groupAt(group) + word] = value;
  }

  private link(place: number, word: number): number {
    const places = PAGE_SLOTS * this.dimension.most;
    const page = this.links[Math.floor(place / places)];
    return page === undefined ? 0 : (page[(place % places) * LINK_WORDS + word] as number);
  }

  private setLink(place: number, word: number, value: number): void {
    const places = PAGE_SLOTS * this.dimension.most;
    const number = Math.floor(place / places);
    while (this.links.length <= number) this.links.push(new Uint32Array(places * LINK_WORDS));
    (this.links[number] as Uint32Array)[(place % places) * LINK_WORDS + word] = value;
  }
}

const groupAt = (group: number) => (group % PAGE_GROUPS) * GROUP_WORDS;

function hashOf(words: Uint32Array, at: number): number {
  let hash = 0;
  for (let word = at; word < at + KEY_WORDS; word++) {
    hash = Math.imul(hash ^ (words[word] as number), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash ^ (hash >>> 13), 0x85ebca6b);
  return (hash ^ (hash >>> 16)) >>> 0;
}
