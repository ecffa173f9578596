/**
 * Expectations as views over records.
 */
import { type InspectOptions, inspect } from 'node:util';
import type {
  Expectation,
  ExpectationFlags,
  ExpectationJson,
  ExpectationNat,
} from '../expectations.js';
import { EXPECTATION_FLAGS, type Family, type Protocol, protocolName } from '../names.js';
import { presentFields } from './entry-json.js';
import { expectationLine } from './expectation-line.js';
import {
  EXPECTATION,
  EXPECTATION_EXTENSION,
  EXPECTATION_PRESENT,
  FAMILY_NUMBERS,
  LITTLE_ENDIAN,
  SLAB,
  TUPLE,
} from './layout.js';
import { MasterTupleView, TupleView } from './tuple-view.js';

type Inspect = (value: unknown, options: InspectOptions) => string;

export class ExpectationView implements Expectation {
  private readonly view: DataView;
  private readonly offset: number;

  constructor(view: DataView, offset: number) {
    this.view = view;
    this.offset = offset;
  }

  get family(): Family {
    return this.uint8(EXPECTATION.tuple + TUPLE.family) === FAMILY_NUMBERS.ipv6 ? 'ipv6' : 'ipv4';
  }

  get protocolNumber(): number {
    return this.uint8(EXPECTATION.tuple + TUPLE.protocol);
  }

  get protocol(): Protocol {
    return protocolName(this.protocolNumber);
  }

  get tuple(): TupleView {
    return new TupleView(this.view, this.offset + EXPECTATION.tuple);
  }

  get mask(): TupleView {
    return new TupleView(this.view, this.offset + EXPECTATION.mask);
  }

  get master(): MasterTupleView {
    return new MasterTupleView(this.view, this.offset + EXPECTATION.master);
  }

  get id(): number {
    return this.uint32(EXPECTATION.id);
  }

  get zone(): number {
    return this.view.getUint16(this.offset + EXPECTATION.zone, LITTLE_ENDIAN);
  }

  get timeout(): number | undefined {
    return this.has(EXPECTATION_PRESENT.timeout) ? this.uint32(EXPECTATION.timeout) : undefined;
  }

  get flags(): ExpectationFlags {
    const bits = this.uint32(EXPECTATION.flags);
    const flags = EXPECTATION_FLAGS.map((flag, bit) => [flag, (bits & (1 << bit)) !== 0] as const);
    return { bits, ...Object.fromEntries(flags) } as ExpectationFlags;
  }

  get class(): number | undefined {
    return this.has(EXPECTATION_PRESENT.class) ? this.uint32(EXPECTATION.class) : undefined;
  }

  get helper(): string | undefined {
    if (!this.has(EXPECTATION_PRESENT.helper)) return undefined;
    return this.text(0, this.length(EXPECTATION_EXTENSION.helperLength));
  }

  get function(): string | undefined {
    if (!this.has(EXPECTATION_PRESENT.function)) return undefined;
    return this.text(
      this.length(EXPECTATION_EXTENSION.helperLength),
      this.length(EXPECTATION_EXTENSION.functionLength),
    );
  }

  get nat(): ExpectationNat | undefined {
    if (!this.has(EXPECTATION_PRESENT.nat)) return undefined;
    const { source, sourcePort } = new TupleView(
      this.view,
      this.extension() + EXPECTATION_EXTENSION.nat,
    );
    return presentFields<ExpectationNat>({
      direction: this.uint32(EXPECTATION.natDirection) === 0 ? 'original' : 'reply',
      address: source,
      port: sourcePort,
    });
  }

  get unknownAttributes(): number {
    return this.view.getUint16(this.offset + EXPECTATION.unknownAttributes, LITTLE_ENDIAN);
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
    return expectationLine(this, this.has(EXPECTATION_PRESENT.zone));
  }

  [inspect.custom](depth: number, options: InspectOptions, format: Inspect): string {
    if (depth < 0) return '[Expectation]';
    const { bits } = this.flags;
    const set = EXPECTATION_FLAGS.filter((_, bit) => (bits & (1 << bit)) !== 0);
    return `Expectation ${format({ ...this.toJSON(), flags: set }, options)}`;
  }

  private text(from: number, length: number): string {
    const start = this.view.byteOffset + this.extension() + EXPECTATION_EXTENSION.size + from;
    return Buffer.from(this.view.buffer, start, length).toString();
  }

  private length(field: number): number {
    return this.view.getUint16(this.extension() + field, LITTLE_ENDIAN);
  }

  private extension(): number {
    return 8 * this.view.getUint16(this.offset + EXPECTATION.extension, LITTLE_ENDIAN);
  }

  private has(present: number): boolean {
    return (this.uint32(EXPECTATION.present) & present) !== 0;
  }

  private uint8(field: number): number {
    return this.view.getUint8(this.offset + field);
  }

  private uint32(field: number): number {
    return this.view.getUint32(this.offset + field, LITTLE_ENDIAN);
  }
}

/** The expectations of slabs that the addon has filled. */
export function expectationsOf(slabs: readonly ArrayBuffer[]): Expectation[] {
  return slabs.flatMap((slab) => {
    const view = new DataView(slab);
    const count = view.getUint32(SLAB.count, LITTLE_ENDIAN);
    return Array.from(
      { length: count },
      (_, index) => new ExpectationView(view, SLAB.firstEntry + index * EXPECTATION.size),
    );
  });
}
