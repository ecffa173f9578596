/**
 * Prints entries, as --output asks for it.
 */
import { type Entry, formatEntry } from '../../index.js';
import type { CommandName } from '../line/commands.js';
import type { Given } from '../line/parse.js';
import type { World } from '../world.js';
import { FlowTable } from './flow-table.js';
import { jsonLine } from './json.js';
import { AddressNames } from './names.js';
import { type Shape, shapeIn } from './shape.js';
import { paintOf } from './style.js';
import type { Writer } from './writer.js';

const BEGIN = ['<?xml version="1.0" encoding="utf-8"?>', '<conntrack>'];

/** What the tool prints before and behind the flows; it ends no other document than that of a list. */
const DOCUMENTS: {
  readonly [Name in CommandName]?: readonly [first: readonly string[], last: readonly string[]];
} = { list: [BEGIN, ['</conntrack>']], get: [BEGIN, []] };

/** The letter that a line of `save` begins with. */
const SAVE_LETTERS: { readonly [Name in CommandName]?: string } = { delete: 'D', update: 'U' };

export class EntryPrinter {
  readonly shape: Shape;
  /** Printed so far. */
  count = 0;
  readonly #world: World;
  readonly #writer: Writer;
  readonly #command: CommandName;
  readonly #labels: ReadonlyMap<number, string> | undefined;
  readonly #names: AddressNames | undefined;
  readonly #isPlain: boolean;
  #table: FlowTable | undefined;

  /** @param labels The names of labels by bit. */
  constructor(
    world: World,
    writer: Writer,
    command: CommandName,
    given: Given,
    labels: ReadonlyMap<number, string>,
  ) {
    this.#world = world;
    this.#writer = writer;
    this.#command = command;
    this.shape = shapeIn(given, world.out);
    // What is about labels shows them, but for a delete.
    const isAbout = (given.labels ?? given.labelsSet ?? given.labelsClear) !== undefined;
    const isShown = this.shape.labels || (isAbout && command !== 'delete');
    this.#labels = isShown ? labels : undefined;
    this.#names = given.names === undefined ? undefined : new AddressNames();
    this.#isPlain = given.noColor !== undefined;
  }

  async print(entries: readonly Entry[]): Promise<void> {
    if (entries.length === 0) return;
    await this.look(entries);
    if (this.count === 0) await this.#writer.lines(this.#first(entries));
    this.count += entries.length;
    for (const entry of entries) await this.#writer.line(this.lineOf(entry));
  }

  /** Looks up the names of the entries, if they are wanted. */
  async look(entries: readonly Entry[]): Promise<void> {
    await this.#names?.look(entries.flatMap(addressesOf));
  }

  nameOf(address: string): string {
    return this.#names?.of(address) ?? address;
  }

  async end(): Promise<void> {
    const [, last] = DOCUMENTS[this.#command] ?? [[], []];
    if (this.shape.format === 'xml' && this.count > 0) await this.#writer.lines(last);
    await this.#writer.flush();
  }

  #first(entries: readonly Entry[]): readonly string[] {
    const { format } = this.shape;
    if (format === 'xml') return DOCUMENTS[this.#command]?.[0] ?? [];
    if (format !== 'table') return [];
    const { columns = 80 } = this.#world.out;
    const paint = paintOf(this.#world, this.#isPlain);
    this.#table = new FlowTable(entries, columns, (one) => this.nameOf(one), paint);
    return [this.#table.head];
  }

  /** The line of one entry; of a table that has a first one. */
  lineOf(entry: Entry): string {
    const { format, id, timestamps } = this.shape;
    if (format === 'json') return jsonLine(this.jsonOf(entry));
    if (format === 'table') return this.#table?.row(entry) ?? '';
    if (format === 'save') {
      const letter = SAVE_LETTERS[this.#command] ?? 'A';
      return formatEntry(entry, { format }).replace(/^-A/, `-${letter}`);
    }
    return this.#named(formatEntry(entry, { format, id, timestamps, labels: this.#labels }));
  }

  jsonOf(entry: Entry): object {
    const json = entry.toJSON();
    if (this.#names === undefined) return json;
    const named = addressesOf(entry).flatMap((address) => {
      const name = this.#names?.of(address);
      return name === undefined ? [] : [[address, name] as const];
    });
    return { ...json, names: Object.fromEntries(named) };
  }

  #named(line: string): string {
    if (this.#names === undefined || this.shape.format === 'xml') return line;
    return line.replace(
      /\b(src|dst)=(\S+)/g,
      (_, field: string, address: string) => `${field}=${this.nameOf(address)}`,
    );
  }
}

export function addressesOf({ original, reply }: Entry): string[] {
  return [original.source, original.destination, reply.source, reply.destination];
}
