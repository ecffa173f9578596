/**
 * Prints events.
 */
import type {
  ConntrackEvent,
  EntryEvent,
  EntryEventType,
  EventCounters,
  ExpectationEvent,
  LostEvent,
} from '../../index.js';
import type { Given } from '../line/parse.js';
import type { World } from '../world.js';
import { EntryPrinter } from './entries.js';
import { EventTable } from './event-table.js';
import { jsonLine } from './json.js';
import { counted } from './numbers.js';
import { type Paint, paintOf } from './style.js';
import type { Writer } from './writer.js';

const SAVE_LETTERS = { new: 'A', update: 'U', destroy: 'D' } as const;

export class EventPrinter {
  /** Events of entries and expectations so far. */
  count = 0;
  readonly #writer: Writer;
  readonly #entries: EntryPrinter;
  readonly #table: EventTable | undefined;
  readonly #paint: Paint;

  constructor(world: World, writer: Writer, given: Given, labels: ReadonlyMap<number, string>) {
    this.#writer = writer;
    this.#entries = new EntryPrinter(world, writer, 'watch', given, labels);
    this.#paint = paintOf(world, given.noColor !== undefined);
    if (this.#entries.shape.format === 'table') {
      this.#table = new EventTable(world.out.columns ?? 80, this.#paint, (address) =>
        this.#entries.nameOf(address),
      );
    }
  }

  async begin(): Promise<void> {
    const { format } = this.#entries.shape;
    if (format === 'xml') {
      await this.#writer.lines(['<?xml version="1.0" encoding="utf-8"?>', '<conntrack>']);
    }
    if (this.#table !== undefined) await this.#writer.line(this.#table.head);
    await this.#writer.flush();
  }

  async print(events: readonly ConntrackEvent[], limit: number): Promise<void> {
    await this.#entries.look(events.flatMap((event) => ('entry' in event ? [event.entry] : [])));
    for (const event of events) {
      if (this.count >= limit) break;
      if ('entry' in event || 'expectation' in event) this.count++;
      await this.#writer.line(this.#lineOf(event));
    }
    await this.#writer.flush();
  }

  /** Of JSON the last line has the sums. */
  async end(counters: EventCounters): Promise<void> {
    const { format } = this.#entries.shape;
    if (format === 'json') await this.#writer.line(jsonLine({ type: 'end', ...counters }));
    await this.#writer.flush();
  }

  #lineOf(event: ConntrackEvent): string {
    const { format } = this.#entries.shape;
    if (format === 'json') return jsonLine(this.#jsonOf(event));
    if ('entry' in event) {
      return this.#table?.row(event) ?? `${this.#marked(event)}${originOf(event)}`;
    }
    if ('expectation' in event) return lineOfExpectation(event);
    const text =
      event.type === 'lost'
        ? `${'[LOST]'.padStart(9)} ${textOfLoss(event)}`
        : `${'[NOTICE]'.padStart(9)} from here on destroy events can be lost: the table has ` +
          `${event.entries} of at most ${event.maxEntries} entries`;
    if (format === 'xml') return `<!-- ${text.trim()} -->`;
    return this.#paint('red', format === 'save' ? `# ${text.trim()}` : text);
  }

  #jsonOf(event: ConntrackEvent): object {
    if (!('entry' in event)) return event;
    const { eventTimeNs, entry, ...rest } = event;
    return {
      ...rest,
      // A decimal string, as the big integers of an entry are.
      ...(eventTimeNs !== undefined && { eventTimeNs: String(eventTimeNs) }),
      entry: this.#entries.jsonOf(entry),
    };
  }

  #marked({ entry, type }: EntryEvent): string {
    const { format, time } = this.#entries.shape;
    const line = this.#entries.lineOf(entry);
    if (format === 'xml') return line.replace('<flow>', `<flow type="${type}">`);
    if (format === 'save') return line.replace(/^-A/, `-${SAVE_LETTERS[type]}`);
    return `${time ? stamp() : ''}${bracket(type)} ${line}`;
  }
}

const bracket = (type: EntryEventType) => `[${type.toUpperCase()}]`.padStart(9);

/** The seconds since 1970, as `-o timestamp` of the tool. */
function stamp(): string {
  const now = Date.now();
  const micros = String((now % 1000) * 1000).padStart(6, '0');
  return `[${Math.floor(now / 1000)}.${micros}]`.padEnd(20);
}

export function textOfLoss({ cause, count }: LostEvent): string {
  const why =
    cause === 'kernel'
      ? "the kernel's receive buffer was full: see --receive-buffer-bytes"
      : 'the output was too slow, and the queue full: see --queue-bytes';
  return `${counted(count, 'event')} lost here: ${why}`;
}

const originOf = ({ originPortId }: { readonly originPortId: number }): string =>
  originPortId === 0 ? '' : ` [USERSPACE] portid=${originPortId}`;

function lineOfExpectation(event: ExpectationEvent): string {
  const type = event.type === 'expectation-new' ? '[NEW]' : '[DESTROY]';
  return `${type.padStart(9)} ${String(event.expectation)}${originOf(event)}`;
}
