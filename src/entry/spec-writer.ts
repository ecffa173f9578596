/**
 * Specifications of entries, and changes to them, become records: checked here,
 * field by field, so that nothing wrong reaches the kernel.
 */

import { integer, object, objectOf, uint16, uint32 } from '../core/check.js';
import { rangeError, typeError } from '../core/errors.js';
import {
  DCCP_ROLES,
  DCCP_STATES,
  type Family,
  PROTOCOL_NUMBERS,
  SCTP_STATES,
  statusBit,
  TCP_STATES,
} from '../core/names.js';
import { writeAddress } from '../record/ip-address.js';
import { ENTRY, EXTENSION, SLAB, SPEC, SPEC_PRESENT } from '../record/layout.js';
import type { Tuple } from '../record/tuple.js';
import {
  inverseTuple,
  protocolNumber,
  requireAddress,
  writeTuple,
} from '../record/tuple-writer.js';
import { LITTLE_ENDIAN } from '../record/words.js';
import type { EntryJson, Nat, NatEndpoint, SctpInfo, TcpDirection } from './entry.js';
import { EntryWriter } from './key-writer.js';
import {
  type EntryChanges,
  type EntrySpec,
  SETTABLE_STATUS,
  type SettableStatus,
  type TcpSpec,
} from './spec.js';
import { EntryView } from './view.js';

/** The kernel's limit of a helper's name (NF_CT_HELPER_NAME_LEN, with its NUL). */
const LONGEST_HELPER = 15;
const EXTENSION_SIZE = (EXTENSION.size + LONGEST_HELPER + 7) & ~7;

/** A slab with a specification for each of `specs`. */
export function specSlab(specs: readonly EntrySpec[], fields: readonly string[]): ArrayBuffer {
  const slab = slabFor(specs.length);
  specs.forEach((spec, index) => {
    new SpecWriter(slab, index, specs.length, fields[index] ?? 'spec').spec(spec);
  });
  return slab;
}

/** A slab with the changes. */
export function changesSlab(changes: EntryChanges): ArrayBuffer {
  const slab = slabFor(1);
  new SpecWriter(slab, 0, 1, 'changes').changes(changes);
  return slab;
}

/** The changes that are named. */
export function namedChanges(changes: EntryChanges): (keyof EntryChanges)[] {
  const names = Object.keys(CHANGES) as (keyof EntryChanges)[];
  return names.filter((name) => changes[name] !== undefined);
}

function slabFor(count: number): ArrayBuffer {
  return new ArrayBuffer(SLAB.firstEntry + count * (SPEC.size + EXTENSION_SIZE));
}

/** What a specification may have: an entry's other fields mean nothing in it. */
const FIELDS: readonly (keyof EntrySpec | keyof EntryJson)[] = [
  'protocol',
  'protocolNumber',
  'original',
  'reply',
  'timeout',
  'mark',
  'zone',
  'status',
  'tcp',
  'sctp',
  'dccp',
  'labels',
  'helper',
  'master',
  'nat',
  'sequenceAdjust',
  'synproxy',
  'family',
  'id',
  'assured',
  'use',
  'counters',
  'startTime',
  'stopTime',
  'startTimeNs',
  'stopTimeNs',
  'securityContext',
  'unknownAttributes',
];

/** In the order in which the kernel applies them: see ctnetlink_change_conntrack. */
const CHANGES = {
  helper: (writer, value) => {
    writer.helper(value, 0);
  },
  timeout: (writer, value) => {
    writer.timeout(value);
  },
  status: (writer, value) => {
    writer.status(value);
  },
  tcp: (writer, value) => {
    writer.tcp(value as TcpSpec);
  },
  sctp: (writer, value) => {
    writer.sctp(value as SctpInfo);
  },
  mark: (writer, value) => {
    writer.mark(value);
  },
  sequenceAdjust: (writer, value) => {
    writer.sequenceAdjust(value);
  },
  synproxy: (writer, value) => {
    writer.synproxy(value);
  },
  labels: (writer, value) => {
    writer.labels(value);
  },
} as const satisfies Record<keyof EntryChanges, (writer: SpecWriter, value: unknown) => void>;

class SpecWriter {
  private readonly view: DataView;
  private readonly field: string;
  private readonly at: number;
  private readonly extension: number;
  private readonly entry: EntryWriter;

  constructor(slab: ArrayBuffer, index: number, count: number, field: string) {
    this.view = new DataView(slab);
    this.field = field;
    this.at = SLAB.firstEntry + index * SPEC.size;
    this.extension = SLAB.firstEntry + count * SPEC.size + index * EXTENSION_SIZE;
    this.entry = new EntryWriter(this.view, this.at + SPEC.entry);
    this.view.setUint16(this.at + SPEC.entry + ENTRY.extension, this.extension / 8, LITTLE_ENDIAN);
  }

  spec(spec: EntrySpec): void {
    const { field, entry } = this;
    object(spec, field, 'an object, such as an entry');
    if (!(spec instanceof EntryView)) objectOf(spec, field, FIELDS);
    const protocol = protocolNumber(spec, field);
    const { original, nat, zone } = spec;
    entry.original(original, protocol, `${field}.original`);
    const inverse = inverseTuple(original, protocol, `${field}.original`);
    const { reply } = spec;
    // From the translated one the kernel would derive nothing to translate.
    const untranslated = nat === undefined ? reply : withoutNat(inverse, reply);
    entry.reply(untranslated ?? inverse, protocol, `${field}.reply`);
    if (
      requireAddress(original.source, field) !== requireAddress((reply ?? inverse).source, field)
    ) {
      throw typeError(`${field}.reply`, 'must be of the same family as original');
    }
    if (nat !== undefined) this.nat(nat, requireAddress(original.source, field));
    if (zone !== undefined) entry.zone(zone, `${field}.zone`);
    this.timeout(spec.timeout);
    // The kernel refuses to create what is not confirmed.
    const status = spec.status === undefined ? 0 : this.statusBits(spec.status);
    entry.value('status', status | statusBit('confirmed'));
    if (spec.mark !== undefined) entry.value('mark', uint32(spec.mark, `${field}.mark`));
    this.protocolInfo(spec, protocol);
    if (spec.labels !== undefined) this.labels(spec.labels);
    if (spec.helper !== undefined) this.helper(spec.helper, 1);
    if (spec.master !== undefined) this.master(spec.master, protocol);
    if (spec.sequenceAdjust !== undefined) this.sequenceAdjust(spec.sequenceAdjust);
    if (spec.synproxy !== undefined) this.synproxy(spec.synproxy);
  }

  changes(changes: EntryChanges): void {
    const names = Object.keys(CHANGES) as (keyof EntryChanges)[];
    const values = objectOf(changes, this.field, names);
    const named = names.filter((name) => values[name] !== undefined);
    if (named.length === 0) throw typeError(this.field, `name one of ${names.join(', ')}`);
    if (values.tcp !== undefined && values.sctp !== undefined) {
      throw typeError(`${this.field}.sctp`, 'an entry is of TCP or of SCTP');
    }
    for (const name of named) CHANGES[name](this, values[name]);
  }

  timeout(value: unknown): void {
    // 0 would end it at once.
    this.entry.value('timeout', integer(value, `${this.field}.timeout`, 0xffffffff, 1));
  }

  status(value: unknown): void {
    this.entry.value('status', this.statusBits(value));
  }

  private statusBits(value: unknown): number {
    const field = `${this.field}.status`;
    // The status of an entry: what the kernel keeps to itself it sets itself.
    if (!Array.isArray(value)) {
      const status = object(value, field, 'a list of words, or the status of an entry');
      return bitsOf(SETTABLE_STATUS.filter((flag) => (status as Record<string, unknown>)[flag]));
    }
    for (const flag of value as unknown[]) {
      if (!SETTABLE_STATUS.some((known) => known === flag)) {
        const known = SETTABLE_STATUS.join(', ');
        throw typeError(field, `${JSON.stringify(flag)} cannot be set; ${known} can`);
      }
    }
    return bitsOf(value as SettableStatus[]);
  }

  mark(value: unknown): void {
    const field = `${this.field}.mark`;
    const whole = typeof value === 'number';
    const parts = whole ? { value, mask: 0xffffffff } : objectOf(value, field, ['value', 'mask']);
    const mask = uint32(parts.mask, `${field}.mask`);
    const mark = uint32(parts.value, whole ? field : `${field}.value`);
    // The kernel would flip these bits.
    if ((mark & ~mask) !== 0) throw rangeError(`${field}.value`, 'has bits that the mask has not');
    this.entry.value('mark', mark);
    this.view.setUint32(this.at + SPEC.markMask, mask, LITTLE_ENDIAN);
  }

  private protocolInfo(spec: EntrySpec, protocol: number): void {
    const { tcp, sctp, dccp } = spec;
    const given = { tcp, sctp, dccp };
    for (const name of ['tcp', 'sctp', 'dccp'] as const) {
      if (given[name] !== undefined && protocol !== PROTOCOL_NUMBERS[name]) {
        throw typeError(`${this.field}.${name}`, `protocol ${protocol} has none`);
      }
    }
    if (tcp !== undefined) this.tcp(tcp);
    if (sctp !== undefined) this.sctp(sctp);
    if (dccp !== undefined) this.dccp(dccp);
  }

  tcp(tcp: TcpSpec): void {
    const field = `${this.field}.tcp`;
    object(tcp, field);
    const { state, original, reply } = tcp;
    if (state !== undefined) {
      this.entry.byte(ENTRY.state, stateNumber(TCP_STATES, state, `${field}.state`), 'tcpState');
    }
    if (original !== undefined) this.tcpDirection(original, `${field}.original`, 'Original');
    if (reply !== undefined) this.tcpDirection(reply, `${field}.reply`, 'Reply');
  }

  private tcpDirection(value: TcpDirection, field: string, direction: 'Original' | 'Reply'): void {
    object(value, field);
    const { windowScale, flags, flagsMask } = value;
    const { entry } = this;
    if (windowScale !== undefined) {
      const scale = integer(windowScale, `${field}.windowScale`, 14);
      const name = `tcp${direction}WindowScale` as const;
      entry.byte(ENTRY[name], scale, name);
    }
    if (flags === undefined) return;
    const name = `tcp${direction}Flags` as const;
    entry.byte(ENTRY[name], integer(flags, `${field}.flags`, 255), name);
    // What the kernel sends has a mask of 0, which would mean that none of them counts.
    const mask = integer(flagsMask ?? 0, `${field}.flagsMask`, 255) || 0xff;
    entry.byte(ENTRY[name] + 1, mask, name);
  }

  sctp(sctp: SctpInfo): void {
    const field = `${this.field}.sctp`;
    object(sctp, field);
    const { state, originalTag, replyTag } = sctp;
    this.entry.byte(ENTRY.state, stateNumber(SCTP_STATES, state, `${field}.state`), 'sctpState');
    // The kernel wants all three.
    const tags = { sctpOriginalTag: originalTag, sctpReplyTag: replyTag };
    for (const name of ['sctpOriginalTag', 'sctpReplyTag'] as const) {
      const tag = uint32(
        tags[name],
        `${field}.${name === 'sctpReplyTag' ? 'replyTag' : 'originalTag'}`,
      );
      this.view.setUint32(this.at + SPEC.entry + ENTRY[name], tag, LITTLE_ENDIAN);
      this.entry.add(name);
    }
  }

  private dccp(dccp: NonNullable<EntrySpec['dccp']>): void {
    const field = `${this.field}.dccp`;
    object(dccp, field);
    const { state, role, handshakeSequence } = dccp;
    this.entry.byte(ENTRY.state, stateNumber(DCCP_STATES, state, `${field}.state`), 'dccpState');
    const number = stateNumber(DCCP_ROLES, role, `${field}.role`);
    this.entry.byte(ENTRY.dccpRole, number, 'dccpRole');
    if (handshakeSequence === undefined) return;
    const sequence = bitSet(handshakeSequence, `${field}.handshakeSequence`, 48n);
    const at = this.at + SPEC.entry + ENTRY.dccpHandshakeSequence;
    this.view.setBigUint64(at, sequence, LITTLE_ENDIAN);
    this.entry.add('dccpHandshakeSequence');
  }

  labels(value: unknown): void {
    const labels = bitSet(value, `${this.field}.labels`, 128n);
    const at = this.extension + EXTENSION.labels;
    this.view.setBigUint64(at, BigInt.asUintN(64, labels), true);
    this.view.setBigUint64(at + 8, labels >> 64n, true);
    this.entry.extend('labels');
  }

  helper(value: unknown, least: number): void {
    const name = typeof value === 'string' ? Buffer.from(value) : undefined;
    if (
      name === undefined ||
      name.length < least ||
      name.length > LONGEST_HELPER ||
      name.includes(0)
    ) {
      throw typeError(
        `${this.field}.helper`,
        `must be a string of ${least} to ${LONGEST_HELPER} bytes`,
      );
    }
    const { view, extension } = this;
    view.setUint16(extension + EXTENSION.helperLength, name.length, LITTLE_ENDIAN);
    new Uint8Array(view.buffer).set(name, extension + EXTENSION.size);
    this.entry.extend('helper');
  }

  private master(master: NonNullable<EntrySpec['master']>, protocol: number): void {
    const field = `${this.field}.master`;
    object(master, field, 'the original tuple of an entry');
    const own = 'protocol' in master ? protocolNumber(master, field) : protocol;
    writeTuple(this.view, this.extension + EXTENSION.master, master, own, field);
    this.entry.extend('master');
  }

  sequenceAdjust(value: unknown): void {
    const field = `${this.field}.sequenceAdjust`;
    const directions = objectOf(value, field, ['original', 'reply']);
    for (const direction of ['original', 'reply'] as const) {
      if (directions[direction] === undefined) continue;
      const name = `${direction}SequenceAdjust` as const;
      this.words(EXTENSION[name], directions[direction], `${field}.${direction}`, [
        'correctionPosition',
        'offsetBefore',
        'offsetAfter',
      ]);
      this.entry.extend(name);
    }
  }

  synproxy(value: unknown): void {
    this.words(EXTENSION.synproxy, value, `${this.field}.synproxy`, [
      'initialSequence',
      'initialTimestamp',
      'timestampOffset',
    ]);
    this.entry.add('synproxy');
    this.entry.extend('synproxy');
  }

  /** Numbers behind each other in the extension. Offsets may be negative. */
  private words(at: number, value: unknown, field: string, names: readonly string[]): void {
    const fields = objectOf(value, field, names);
    names.forEach((name, index) => {
      const least = name.startsWith('offset') ? -(2 ** 31) : 0;
      const most = name.startsWith('offset') ? 2 ** 31 - 1 : 0xffffffff;
      const word = integer(fields[name], `${field}.${name}`, most, least);
      this.view.setInt32(this.extension + at + 4 * index, word, LITTLE_ENDIAN);
    });
  }

  private nat(nat: Nat, family: Family): void {
    const field = `${this.field}.nat`;
    const { source, destination } = objectOf(nat, field, ['source', 'destination']);
    if (source !== undefined) {
      this.natEndpoint(source as NatEndpoint, family, `${field}.source`, 'source');
    }
    if (destination !== undefined) {
      this.natEndpoint(destination as NatEndpoint, family, `${field}.destination`, 'destination');
    }
  }

  private natEndpoint(
    endpoint: NatEndpoint,
    family: Family,
    field: string,
    end: 'source' | 'destination',
  ): void {
    const { address, port } = objectOf(endpoint, field, ['address', 'port']);
    if (requireAddress(address, `${field}.address`) !== family) {
      throw typeError(`${field}.address`, `must be of the same family as original, ${family}`);
    }
    const { view, at } = this;
    let present = view.getUint16(at + SPEC.present, LITTLE_ENDIAN) | SPEC_PRESENT[`${end}Nat`];
    writeAddress(view, at + SPEC[`${end}Address`], address as string);
    if (port !== undefined) {
      present |= SPEC_PRESENT[`${end}Port`];
      view.setUint16(at + SPEC[`${end}Port`], uint16(port, `${field}.port`), LITTLE_ENDIAN);
    }
    view.setUint16(at + SPEC.present, present, LITTLE_ENDIAN);
  }
}

/** The tuple that the kernel translates, with the zone of the given one. */
function withoutNat(inverse: Tuple, reply: Tuple | undefined): Tuple {
  return reply?.zone === undefined ? inverse : { ...inverse, zone: reply.zone };
}

function bitsOf(flags: readonly SettableStatus[]): number {
  return flags.reduce((bits, flag) => bits | statusBit(flag), 0);
}

function bitSet(value: unknown, field: string, bits: bigint): bigint {
  if (typeof value !== 'bigint') throw typeError(field, 'must be a bigint');
  if (value < 0n || value >= 1n << bits)
    throw rangeError(field, `must have no bit above ${bits - 1n}`);
  return value;
}

/** A word of the list, or UNKNOWN(n). */
function stateNumber(names: readonly string[], word: unknown, field: string): number {
  const number = names.indexOf(word as string);
  if (number >= 0) return number;
  const unknown = typeof word === 'string' ? /^UNKNOWN\((\d{1,3})\)$/.exec(word)?.[1] : undefined;
  if (unknown === undefined) throw typeError(field, `must be one of ${names.join(', ')}`);
  return integer(Number(unknown), field, 255);
}
