/**
 * A tuple as a view over a record.
 */
import { type InspectOptions, inspect } from 'node:util';
import type { IcmpTuple, MasterTuple, Tuple } from '../entry.js';
import { PROTOCOL_NUMBERS, type Protocol, protocolName } from '../names.js';
import { presentFields } from './entry-json.js';
import { formatIPv4, formatIPv6 } from './ip-address.js';
import { FAMILY_NUMBERS, LITTLE_ENDIAN, TUPLE, TUPLE_PRESENT } from './layout.js';

type Inspect = (value: unknown, options: InspectOptions) => string;

export class TupleView implements Tuple {
  protected readonly view: DataView;
  protected readonly offset: number;

  constructor(view: DataView, offset: number) {
    this.view = view;
    this.offset = offset;
  }

  get source(): string {
    return this.address(TUPLE.source);
  }

  get destination(): string {
    return this.address(TUPLE.destination);
  }

  get sourcePort(): number | undefined {
    return this.isGre() ? undefined : this.port(TUPLE.sourcePort, TUPLE_PRESENT.sourcePort);
  }

  get destinationPort(): number | undefined {
    return this.isGre()
      ? undefined
      : this.port(TUPLE.destinationPort, TUPLE_PRESENT.destinationPort);
  }

  get sourceKey(): number | undefined {
    return this.isGre() ? this.port(TUPLE.sourcePort, TUPLE_PRESENT.sourcePort) : undefined;
  }

  get destinationKey(): number | undefined {
    return this.isGre()
      ? this.port(TUPLE.destinationPort, TUPLE_PRESENT.destinationPort)
      : undefined;
  }

  get icmp(): IcmpTuple | undefined {
    const { view, offset } = this;
    const all = TUPLE_PRESENT.icmpId | TUPLE_PRESENT.icmpType | TUPLE_PRESENT.icmpCode;
    if ((this.present() & all) !== all) return undefined;
    return {
      type: view.getUint8(offset + TUPLE.icmpType),
      code: view.getUint8(offset + TUPLE.icmpCode),
      id: view.getUint16(offset + TUPLE.icmpId, LITTLE_ENDIAN),
    };
  }

  get zone(): number | undefined {
    return this.port(TUPLE.zone, TUPLE_PRESENT.zone);
  }

  toJSON(): Tuple {
    const { source, destination, sourcePort, destinationPort, icmp } = this;
    const { sourceKey, destinationKey, zone } = this;
    return presentFields({
      source,
      destination,
      sourcePort,
      destinationPort,
      icmp,
      sourceKey,
      destinationKey,
      zone,
    });
  }

  [inspect.custom](_depth: number, options: InspectOptions, format: Inspect): string {
    return format(this.toJSON(), options);
  }

  private address(field: number): string {
    const { view, offset } = this;
    return view.getUint8(offset + TUPLE.family) === FAMILY_NUMBERS.ipv6
      ? formatIPv6(view, offset + field)
      : formatIPv4(view, offset + field);
  }

  private port(field: number, present: number): number | undefined {
    return (this.present() & present) !== 0
      ? this.view.getUint16(this.offset + field, LITTLE_ENDIAN)
      : undefined;
  }

  private present(): number {
    return this.view.getUint16(this.offset + TUPLE.present, LITTLE_ENDIAN);
  }

  private isGre(): boolean {
    return this.view.getUint8(this.offset + TUPLE.protocol) === PROTOCOL_NUMBERS.gre;
  }
}

export class MasterTupleView extends TupleView implements MasterTuple {
  get protocolNumber(): number {
    return this.view.getUint8(this.offset + TUPLE.protocol);
  }

  get protocol(): Protocol {
    return protocolName(this.protocolNumber);
  }

  override toJSON(): MasterTuple {
    const { protocol, protocolNumber } = this;
    return { protocol, protocolNumber, ...super.toJSON() };
  }
}
