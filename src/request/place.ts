/**
 * Where a record is written: in a request, or in a slab of its own.
 */
import { SLAB } from '../record/layout.js';

export interface Place {
  readonly view: DataView;
  /** The same memory. */
  readonly words: Uint32Array;
  /** Where the header is, in bytes; the first record is `SLAB.firstEntry` behind it. */
  readonly at: number;
}

/** A slab of its own for records of so many bytes. */
export function slabFor(bytes: number): Place & { readonly slab: ArrayBuffer } {
  const slab = new ArrayBuffer(SLAB.firstEntry + bytes);
  return { slab, view: new DataView(slab), words: new Uint32Array(slab), at: 0 };
}
