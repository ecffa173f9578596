/**
 * One flow in all its parts.
 */
import { printable } from '../../core/printable.js';
import { type Entry, STATUS_FLAGS } from '../../index.js';
import type { Api } from '../command.js';
import {
  destinationOf,
  markOf,
  type NameOf,
  natOf,
  protocolOf,
  sourceOf,
  stateOf,
} from '../print/flow-table.js';
import { grouped, shortBytes, shortCount, shortSeconds } from '../print/numbers.js';
import type { Paint } from '../print/style.js';
import type { FlowRow } from './picture.js';

type Direction = 'original' | 'reply';

/** Reads a flow again and again. */
export class FlowDetails {
  /** As it was read last. */
  entry: Entry | undefined;
  hasEnded = false;
  readonly row: FlowRow;
  readonly #labels: ReadonlyMap<number, string>;
  #before: Entry | undefined;
  #seconds = Number.NaN;
  #readAt = Number.NaN;

  /** @param labels The names of labels by bit. */
  constructor(row: FlowRow, labels: ReadonlyMap<number, string>) {
    this.row = row;
    this.#labels = labels;
  }

  async read(api: Pick<Api, 'getEntry'>): Promise<void> {
    const entry = await api.getEntry(this.row.entry);
    const now = performance.now();
    if (entry === undefined) {
      this.hasEnded = true;
      return;
    }
    this.hasEnded = false;
    this.#before = this.entry;
    this.entry = entry;
    this.#seconds = (now - this.#readAt) / 1000;
    this.#readAt = now;
  }

  lines(nameOf: NameOf, paint: Paint): string[] {
    const { entry } = this;
    if (entry === undefined) return [this.hasEnded ? paint('yellow', 'This flow has ended.') : ''];
    const rows: (readonly [string, string])[] = [
      ['state', stateOf(entry)],
      ...(['original', 'reply'] as const).flatMap((direction) =>
        this.#linesOf(entry, direction, nameOf),
      ),
      ['NAT', natOf(entry, nameOf)],
      ['left', entry.timeout === undefined ? '' : shortSeconds(entry.timeout)],
      ['began', beganOf(entry)],
      ['mark', entry.mark === undefined ? '' : markOf(entry.mark)],
      ['zone', entry.zone === 0 ? '' : String(entry.zone)],
      ['helper', printable(entry.helper ?? '')],
      ['labels', this.#labelsOf(entry)],
      ['status', STATUS_FLAGS.filter((flag) => entry.status[flag]).join(' ')],
      ['id', String(entry.id)],
    ];
    const [source, destination] = [
      sourceOf(entry.original, nameOf),
      destinationOf(entry.original, nameOf),
    ];
    return [
      paint('bold', `${protocolOf(entry)} ${source} -> ${destination}`),
      this.hasEnded ? paint('yellow', 'This flow has ended: what follows was read before.') : '',
      ...rows
        .filter(([, text]) => text !== '')
        .map(([name, text]) => `${paint('dim', name.padEnd(9))} ${text}`),
    ];
  }

  #linesOf(entry: Entry, direction: Direction, nameOf: NameOf): (readonly [string, string])[] {
    const tuple = entry[direction];
    return [
      [direction, `${sourceOf(tuple, nameOf)} -> ${destinationOf(tuple, nameOf)}`],
      ['', this.#countedOf(entry, direction)],
    ];
  }

  #countedOf(entry: Entry, direction: Direction): string {
    const counters = entry.counters?.[direction];
    if (counters === undefined) return '';
    const { bytes, packets } = counters;
    const counted = `${shortBytes(bytes)} bytes in ${grouped(packets)} packets`;
    const before = this.#before?.counters?.[direction];
    if (before === undefined || bytes < before.bytes) return counted;
    const rate = shortBytes((bytes - before.bytes) / this.#seconds);
    const packetRate = shortCount((packets - before.packets) / this.#seconds);
    return `${counted}, ${rate} bytes/s, ${packetRate} packets/s`;
  }

  #labelsOf({ labels = 0n }: Entry): string {
    const bits = Array.from({ length: 128 }, (_, bit) => bit).filter(
      (bit) => (labels & (1n << BigInt(bit))) !== 0n,
    );
    return bits.map((bit) => printable(this.#labels.get(bit) ?? String(bit))).join(' ');
  }
}

function beganOf({ startTime }: Entry): string {
  if (startTime === undefined) return '';
  const seconds = Math.max(0, (Date.now() - startTime.getTime()) / 1000);
  return `${startTime.toISOString().slice(0, 19).replace('T', ' ')} UTC, ${shortSeconds(seconds)} ago`;
}
