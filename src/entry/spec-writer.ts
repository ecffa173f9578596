/**
 * Specifications of entries, and changes to them, become records.
 */

import { statusBit } from '../core/names.js';
import { writeAddress } from '../record/ip-address.js';
import {
  ENTRY,
  ENTRY_PRESENT,
  EXTENSION,
  EXTENSION_PRESENT,
  SLAB,
  SPEC,
  SPEC_PRESENT,
} from '../record/layout.js';
import { writeTuple } from '../record/tuple-writer.js';
import { LITTLE_ENDIAN } from '../record/words.js';
import type { Place } from '../request/place.js';
import type { CheckedChanges } from './check-changes.js';
import type { CheckedSpec } from './check-spec.js';
import {
  type CheckedDccp,
  type CheckedSctp,
  type CheckedTcp,
  LONGEST_HELPER,
} from './check-values.js';
import type { NatEndpoint, SequenceAdjust, Synproxy, TcpDirection } from './entry.js';
import { EntryWriter } from './key-writer.js';

const EXTENSION_SIZE = (EXTENSION.size + LONGEST_HELPER + 7) & ~7;

const CONFIRMED = statusBit('confirmed');

/** What a specification takes, or changes: its record and its extension. */
export const SPEC_BYTES = SPEC.size + EXTENSION_SIZE;

/** Writes the record of a specification. */
export function writeSpec(place: Place, spec: CheckedSpec): void {
  new SpecWriter(place).spec(spec);
}

/** Writes the record of the changes. */
export function writeChanges(place: Place, changes: CheckedChanges): void {
  new SpecWriter(place).changes(changes);
}

class SpecWriter {
  private readonly view: DataView;
  private readonly at: number;
  private readonly extension: number;
  private readonly entry: EntryWriter;

  constructor({ view, at }: Place) {
    this.view = view;
    this.at = at + SLAB.firstEntry;
    this.extension = this.at + SPEC.size;
    this.entry = new EntryWriter(view, this.at + SPEC.entry);
    const offset = (this.extension - at) / 8;
    view.setUint16(this.at + SPEC.entry + ENTRY.extension, offset, LITTLE_ENDIAN);
  }

  spec(spec: CheckedSpec): void {
    const { entry } = this;
    const { protocol, original, reply, nat, zone, master } = spec;
    entry.original(original, protocol);
    entry.replyTo(original, reply, protocol);
    if (nat?.source !== undefined) this.natEndpoint('source', nat.source);
    if (nat?.destination !== undefined) this.natEndpoint('destination', nat.destination);
    if (zone !== undefined) entry.zone(zone);
    // The kernel refuses to create what is not confirmed.
    entry.word(ENTRY.status, ENTRY_PRESENT.status, (spec.status ?? 0) | CONFIRMED);
    this.values(spec, spec.labels);
    if (spec.dccp !== undefined) this.dccp(spec.dccp);
    if (master !== undefined) {
      writeTuple(this.view, this.extension + EXTENSION.master, master.tuple, master.protocol);
      entry.extend(EXTENSION_PRESENT.master);
    }
  }

  changes(changes: CheckedChanges): void {
    const { mark, labels, status } = changes;
    if (status !== undefined) this.entry.word(ENTRY.status, ENTRY_PRESENT.status, status);
    this.values(changes, labels?.value);
    if (labels !== undefined) this.bitSet(this.at + SPEC.labelsMask, labels.mask);
    if (mark === undefined) return;
    const mask = typeof mark === 'number' ? 0xffffffff : mark.mask;
    this.view.setUint32(this.at + SPEC.markMask, mask, LITTLE_ENDIAN);
  }

  /** What specifications and changes have in common. */
  private values(
    values: Omit<CheckedChanges, 'labels' | 'status'>,
    labels: bigint | undefined,
  ): void {
    const { entry } = this;
    const { timeout, mark, tcp, sctp, helper, sequenceAdjust, synproxy } = values;
    if (timeout !== undefined) entry.word(ENTRY.timeout, ENTRY_PRESENT.timeout, timeout);
    if (mark !== undefined)
      entry.word(ENTRY.mark, ENTRY_PRESENT.mark, typeof mark === 'number' ? mark : mark.value);
    if (tcp !== undefined) this.tcp(tcp);
    if (sctp !== undefined) this.sctp(sctp);
    if (labels !== undefined) this.labels(labels);
    if (helper !== undefined) this.helper(helper);
    if (sequenceAdjust !== undefined) this.sequenceAdjust(sequenceAdjust);
    if (synproxy !== undefined) this.synproxy(synproxy);
  }

  private tcp({ state, original, reply }: CheckedTcp): void {
    if (state !== undefined) this.entry.byte(ENTRY.state, ENTRY_PRESENT.tcpState, state);
    if (original !== undefined) this.tcpDirection('Original', original);
    if (reply !== undefined) this.tcpDirection('Reply', reply);
  }

  private tcpDirection(
    direction: 'Original' | 'Reply',
    { windowScale, flags, flagsMask }: TcpDirection,
  ): void {
    const { entry } = this;
    if (windowScale !== undefined) {
      const name = `tcp${direction}WindowScale` as const;
      entry.byte(ENTRY[name], ENTRY_PRESENT[name], windowScale);
    }
    if (flags === undefined) return;
    const name = `tcp${direction}Flags` as const;
    entry.byte(ENTRY[name], ENTRY_PRESENT[name], flags);
    // The kernel sends a mask of 0, which in a request would apply no flag.
    entry.byte(ENTRY[name] + 1, ENTRY_PRESENT[name], flagsMask || 0xff);
  }

  private sctp({ state, originalTag, replyTag }: CheckedSctp): void {
    const { entry } = this;
    entry.byte(ENTRY.state, ENTRY_PRESENT.sctpState, state);
    entry.word(ENTRY.sctpOriginalTag, ENTRY_PRESENT.sctpOriginalTag, originalTag);
    entry.word(ENTRY.sctpReplyTag, ENTRY_PRESENT.sctpReplyTag, replyTag);
  }

  private dccp({ state, role, handshakeSequence }: CheckedDccp): void {
    this.entry.byte(ENTRY.state, ENTRY_PRESENT.dccpState, state);
    this.entry.byte(ENTRY.dccpRole, ENTRY_PRESENT.dccpRole, role);
    if (handshakeSequence === undefined) return;
    const at = this.at + SPEC.entry + ENTRY.dccpHandshakeSequence;
    this.view.setBigUint64(at, handshakeSequence, LITTLE_ENDIAN);
    this.entry.add(ENTRY_PRESENT.dccpHandshakeSequence);
  }

  private labels(labels: bigint): void {
    this.bitSet(this.extension + EXTENSION.labels, labels);
    this.entry.extend(EXTENSION_PRESENT.labels);
  }

  private bitSet(at: number, bits: bigint): void {
    this.view.setBigUint64(at, BigInt.asUintN(64, bits), true);
    this.view.setBigUint64(at + 8, bits >> 64n, true);
  }

  private helper(helper: string): void {
    const { view, extension } = this;
    const name = Buffer.from(helper);
    view.setUint16(extension + EXTENSION.helperLength, name.length, LITTLE_ENDIAN);
    new Uint8Array(view.buffer).set(name, extension + EXTENSION.size);
    this.entry.extend(EXTENSION_PRESENT.helper);
  }

  private sequenceAdjust(sequenceAdjust: SequenceAdjust): void {
    for (const direction of ['original', 'reply'] as const) {
      const adjustment = sequenceAdjust[direction];
      if (adjustment === undefined) continue;
      const name = `${direction}SequenceAdjust` as const;
      const { correctionPosition, offsetBefore, offsetAfter } = adjustment;
      this.words(EXTENSION[name], [correctionPosition, offsetBefore, offsetAfter]);
      this.entry.extend(EXTENSION_PRESENT[name]);
    }
  }

  private synproxy({ initialSequence, initialTimestamp, timestampOffset }: Synproxy): void {
    this.words(EXTENSION.synproxy, [initialSequence, initialTimestamp, timestampOffset]);
    this.entry.add(ENTRY_PRESENT.synproxy);
    this.entry.extend(EXTENSION_PRESENT.synproxy);
  }

  /** Numbers behind each other in the extension. */
  private words(at: number, words: readonly number[]): void {
    words.forEach((word, index) => {
      this.view.setInt32(this.extension + at + 4 * index, word, LITTLE_ENDIAN);
    });
  }

  private natEndpoint(end: 'source' | 'destination', { address, port }: NatEndpoint): void {
    const { view, at } = this;
    let present = view.getUint16(at + SPEC.present, LITTLE_ENDIAN) | SPEC_PRESENT[`${end}Nat`];
    writeAddress(view, at + SPEC[`${end}Address`], address);
    if (port !== undefined) {
      present |= SPEC_PRESENT[`${end}Port`];
      view.setUint16(at + SPEC[`${end}Port`], port, LITTLE_ENDIAN);
    }
    view.setUint16(at + SPEC.present, present, LITTLE_ENDIAN);
  }
}
