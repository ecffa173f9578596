/** A table that a test fills, behind the streams and gets that a mirror asks for. */
import type { ConntrackEvent, Entry, EntryEventType, EntryFilter, EntryKey } from 'conntrack';
import type { EntryStream } from '../../src/entry/stream.js';
import type { EventStream } from '../../src/event/stream.js';
import { TableMirror } from '../../src/mirror/mirror.js';
import { type MirrorOptions, mirrorOptionsOf } from '../../src/mirror/options.js';
import type { MirrorSource } from '../../src/mirror/source.js';
import { type EntryValues, entryWith, type TupleValues } from './records.js';

type Flow = EntryValues & { original: TupleValues; reply: TupleValues };

/** The tuples of a flow from 10.0.0.1 to 10.0.1.1, whose port of the source is its number. */
export function tuplesOf(number: number, protocol: number) {
  const original: TupleValues = {
    source: '10.0.0.1',
    destination: '10.0.1.1',
    protocol,
    sourcePort: number,
    destinationPort: 443,
  };
  return { original, reply: inverseOf(original) };
}

/** An established flow of TCP, whose id is its number, too. */
export function flowOf(number: number, more: EntryValues = {}): Flow {
  return { ...tuplesOf(number, 6), id: number, status: 8, timeout: 100, tcpState: 3, ...more };
}

/** The tuple of the answers without NAT. */
export function inverseOf({ source, destination, ...rest }: TupleValues): TupleValues {
  const { sourcePort, destinationPort } = rest;
  return {
    ...rest,
    source: destination,
    destination: source,
    ...(destinationPort !== undefined && { sourcePort: destinationPort }),
    ...(sourcePort !== undefined && { destinationPort: sourcePort }),
  };
}

const nameOf = ({ protocol, original, zone = 0 }: EntryKey) =>
  JSON.stringify([protocol, original?.source, original?.sourcePort ?? 0, zone]);

/** Events, which the mirror takes one batch at a time. */
class PlayedEvents {
  coverage = 'all';
  readonly counters = { malformed: 0 };
  isClosed = false;
  private readonly waiting: (ConntrackEvent[] | Error)[] = [];
  private wake: () => void = () => undefined;
  private idle: { resolve: () => void; reject: (error: unknown) => void }[] = [];

  put(batch: ConntrackEvent[] | Error): void {
    this.waiting.push(batch);
    this.wake();
  }

  async *batches(): AsyncGenerator<ConntrackEvent[], undefined> {
    while (!this.isClosed) {
      const batch = this.waiting.shift();
      if (batch instanceof Error) throw batch;
      if (batch !== undefined) {
        yield batch;
        continue;
      }
      for (const { resolve } of this.idle.splice(0)) resolve();
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    return undefined;
  }

  async caughtUp(): Promise<void> {
    if (this.isClosed) throw new Error('the stream of events is closed');
    await new Promise<void>((resolve, reject) => {
      this.idle.push({ resolve, reject });
      this.wake();
    });
  }

  async close(): Promise<void> {
    this.isClosed = true;
    for (const { reject } of this.idle.splice(0)) reject(new Error('the stream is closed'));
    this.wake();
  }
}

/** Plays the kernel of one mirror. */
export class PlayedTable implements MirrorSource {
  readonly events = new PlayedEvents();
  /** What a reading shows, in batches. */
  batches: EntryValues[][] = [];
  /** Of each reading, its filter. */
  readonly dumps: unknown[] = [];
  /** Of each call, the keys as they were then: source ports and zones. */
  readonly gets: (readonly [port: number | undefined, zone: number | undefined])[][] = [];
  /** What the mirror has asked `watchEvents` for. */
  watched: unknown;
  /** Happens before each batch of a reading, and at its end. */
  meanwhile: (batch: number) => unknown = () => undefined;
  /** Happens before the answer to gets. */
  beforeAnswer: () => unknown = () => undefined;

  constructor(...flows: EntryValues[]) {
    this.flows = flows;
  }

  /** In one batch. */
  set flows(flows: EntryValues[]) {
    this.batches = [flows];
  }

  watchEvents(options: unknown): EventStream {
    this.watched = options;
    return this.events as unknown as EventStream;
  }

  streamEntries(
    filter: EntryFilter | readonly EntryFilter[] | undefined,
    { signal }: { readonly signal?: AbortSignal | undefined },
  ): EntryStream {
    this.dumps.push(filter);
    const { batches } = this;
    const meanwhile = (batch: number) => this.meanwhile(batch);
    async function* read() {
      await Promise.resolve();
      for (const [index, batch] of batches.entries()) {
        await meanwhile(index);
        signal?.throwIfAborted();
        yield batch.map((values) => entryWith(values));
      }
      await meanwhile(batches.length);
      signal?.throwIfAborted();
    }
    return { batches: read } as unknown as EntryStream;
  }

  async getEntries(keys: readonly EntryKey[]): Promise<(Entry | undefined)[]> {
    this.gets.push(keys.map(({ original, zone }) => [original?.sourcePort, zone]));
    const names = keys.map(nameOf);
    await this.beforeAnswer();
    const entries = this.batches.flat().map((values) => entryWith(values));
    return names.map((name) =>
      entries.find(
        ({ original, protocolNumber: protocol, zone }) =>
          nameOf({ protocol, original, zone }) === name,
      ),
    );
  }

  /** Events about flows, in one batch. */
  tell(...told: (readonly [EntryEventType, EntryValues])[]): void {
    this.put(
      ...told.map(([type, values]) => ({ type, entry: entryWith(values), originPortId: 0 })),
    );
  }

  put(...events: object[]): void {
    this.events.put(events as ConntrackEvent[]);
  }

  async mirror(options: MirrorOptions = {}): Promise<TableMirror> {
    return TableMirror.open(this, mirrorOptionsOf(options));
  }
}
