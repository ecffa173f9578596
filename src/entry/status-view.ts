/**
 * The status bits of an entry.
 */
import { inspect } from 'node:util';
import { markAsView } from '../core/check.js';
import { STATUS_FLAGS } from '../core/names.js';
import type { Status } from './entry.js';

/** One boolean for each word of STATUS_FLAGS, made from the list. */
export class StatusView {
  readonly bits: number;

  constructor(bits: number) {
    this.bits = bits;
  }

  toJSON(): Status {
    const flags = STATUS_FLAGS.map((flag, bit) => [flag, (this.bits & (1 << bit)) !== 0] as const);
    return { bits: this.bits, ...Object.fromEntries(flags) } as Status;
  }

  [inspect.custom](): string {
    const set = STATUS_FLAGS.filter((_, bit) => (this.bits & (1 << bit)) !== 0);
    return `0x${this.bits.toString(16)} <${set.join(' ')}>`;
  }
}

STATUS_FLAGS.forEach((flag, bit) => {
  Object.defineProperty(StatusView.prototype, flag, {
    get(this: StatusView): boolean {
      return (this.bits & (1 << bit)) !== 0;
    },
  });
});

markAsView(StatusView, 'the status of an entry');
