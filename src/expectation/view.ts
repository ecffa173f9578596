/**
 * Expectations as views over records.
 */
import { type InspectOptions, inspect } from 'node:util';
import { markAsView } from '../core/check.js';
import { EXPECTATION_FLAGS, type Family, type Protocol, protocolName } from '../core/names.js';
import { presentFields } from '../core/present-fields.js';
import { printableInspection } from '../core/printable.js';
import {
  EXPECTATION,
  EXPECTATION_EXTENSION,
  EXPECTATION_PRESENT,
  FAMILY_NUMBERS,
  SLAB,
  TUPLE,
} from '../record/layout.js';
import { MasterTupleView, TupleView } from '../record/tuple-view.js';
import { bytes, slabCount, uint8, uint16, uint32 } from '../record/words.js';
import type {
  Expectation,
  ExpectationFlags,
  ExpectationJson,
  ExpectationNat,
} from './expectation.js';
import { expectationLine } from './line.js';

type Inspect = (value: unknown, options: InspectOptions) => string;

export class ExpectationView implements Expectation {
  readonly #words: Uint32Array;
  readonly #at: number;

  constructor(words: Uint32Array, at: number) {
    this.#words = words;
    this.#at = at;
  }

  get family(): Family {
    return uint8(this.#words, this.#at, EXPECTATION.tuple + TUPLE.family) === FAMILY_NUMBERS.ipv6
      ? 'ipv6'
      : 'ipv4';
  }

  get protocolNumber(): number {
    return uint8(this.#words, this.#at, EXPECTATION.tuple + TUPLE.protocol);
  }

  get protocol(): Protocol {
    return protocolName(this.protocolNumber);
  }

  get tuple(): TupleView {
    return new TupleView(this.#words, this.#at + EXPECTATION.tuple / 4);
  }

  get mask(): TupleView {
    return new TupleView(this.#words, this.#at + EXPECTATION.mask / 4);
  }

  get master(): MasterTupleView {
    return new MasterTupleView(this.#words, this.#at + EXPECTATION.master / 4);
  }

  get id(): number {
    return uint32(this.#words, this.#at, EXPECTATION.id);
  }

  get zone(): number {
    return uint16(this.#words, this.#at, EXPECTATION.zone);
  }

  get timeout(): number | undefined {
    return has(this.#words, this.#at, EXPECTATION_PRESENT.timeout)
      ? uint32(this.#words, this.#at, EXPECTATION.timeout)
      : undefined;
  }

  get flags(): ExpectationFlags {
    const bits = uint32(this.#words, this.#at, EXPECTATION.flags);
    const flags = EXPECTATION_FLAGS.map((flag, bit) => [flag, (bits & (1 << bit)) !== 0] as const);
    return { bits, ...Object.fromEntries(flags) } as ExpectationFlags;
  }

  get class(): number | undefined {
    return has(this.#words, this.#at, EXPECTATION_PRESENT.class)
      ? uint32(this.#words, this.#at, EXPECTATION.class)
      : undefined;
  }

  get helper(): string | undefined {
    if (!has(this.#words, this.#at, EXPECTATION_PRESENT.helper)) return undefined;
    return text(
      this.#words,
      this.#at,
      0,
      lengthIn(this.#words, this.#at, EXPECTATION_EXTENSION.helperLength),
    );
  }

  get function(): string | undefined {
    if (!has(this.#words, this.#at, EXPECTATION_PRESENT.function)) return undefined;
    return text(
      this.#words,
      this.#at,
      lengthIn(this.#words, this.#at, EXPECTATION_EXTENSION.helperLength),
      lengthIn(this.#words, this.#at, EXPECTATION_EXTENSION.functionLength),
    );
  }

  get nat(): ExpectationNat | undefined {
    if (!has(this.#words, this.#at, EXPECTATION_PRESENT.nat)) return undefined;
    const { source, sourcePort } = new TupleView(
      this.#words,
      extensionOf(this.#words, this.#at) + EXPECTATION_EXTENSION.nat / 4,
    );
    return presentFields<ExpectationNat>({
      direction:
        uint32(this.#words, this.#at, EXPECTATION.natDirection) === 0 ? 'original' : 'reply',
      address: source,
      port: sourcePort,
    });
  }

  get unknownAttributes(): number {
    return uint16(this.#words, this.#at, EXPECTATION.unknownAttributes);
  }

  toJSON(): ExpectationJson {
    return presentFields({
      family: this.family,
      protocol: this.protocol,
      protocolNumber: this.protocolNumber,
      tuple: this.tuple.toJSON(),
      mask: this.mask.toJSON(),
      master: this.master.toJSON(),
      id: this.id,
      zone: this.zone,
      timeout: this.timeout,
      flags: this.flags,
      class: this.class,
      helper: this.helper,
      function: this.function,
      nat: this.nat,
      unknownAttributes: this.unknownAttributes,
    }) as object as ExpectationJson;
  }

  toString(): string {
    return expectationLine(this, has(this.#words, this.#at, EXPECTATION_PRESENT.zone));
  }

  [inspect.custom](depth: number, options: InspectOptions, format: Inspect): string {
    if (depth < 0) return '[Expectation]';
    const { bits } = this.flags;
    const set = EXPECTATION_FLAGS.filter((_, bit) => (bits & (1 << bit)) !== 0);
    const shown = format({ ...this.toJSON(), flags: set }, options);
    return `Expectation ${printableInspection(shown)}`;
  }
}

function text(words: Uint32Array, expectation: number, from: number, length: number): string {
  const field = EXPECTATION_EXTENSION.size + from;
  return bytes(words, extensionOf(words, expectation), field, length).toString();
}

function lengthIn(words: Uint32Array, expectation: number, field: number): number {
  return uint16(words, extensionOf(words, expectation), field);
}

/** In words; the record has it in units of eight bytes. */
function extensionOf(words: Uint32Array, expectation: number): number {
  return 2 * uint16(words, expectation, EXPECTATION.extension);
}

function has(words: Uint32Array, expectation: number, present: number): boolean {
  return (uint32(words, expectation, EXPECTATION.present) & present) !== 0;
}

markAsView(ExpectationView, 'an expectation');

/** The expectations of slabs that the addon has filled. */
export function expectationsOf(slabs: readonly ArrayBuffer[]): Expectation[] {
  return slabs.flatMap((slab) => {
    const words = new Uint32Array(slab);
    return Array.from(
      { length: slabCount(words) },
      (_, index) =>
        new ExpectationView(words, SLAB.firstEntry / 4 + (index * EXPECTATION.size) / 4),
    );
  });
}
