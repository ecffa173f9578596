/**
 * `conntrack/opentelemetry`: metrics for OpenTelemetry, through `@opentelemetry/api`, an
 * optional peer dependency. See the guide to metrics.
 *
 * @module opentelemetry
 */
import type { Attributes, BatchObservableResult, Meter, Observable } from '@opentelemetry/api';
import type { Conntrack } from '../conntrack.js';
import { objectOf } from '../core/check.js';
import type { EventCounters } from '../event/event.js';
import type { EventStream } from '../event/stream.js';
import type { TableStats } from '../health/stats.js';
import { readStats } from '../table/health.js';
import { namedCounters } from './definitions.js';

/** What {@link registerMetrics} takes. */
export interface OpenTelemetryOptions {
  /** A handle on the table to read. Default: that of the network namespace of the process. */
  readonly conntrack?: Pick<Conntrack, 'readStats'> | undefined;
  /** Its counters become metrics, too. It is not read: that is for its owner to do. */
  readonly stream?: Pick<EventStream, 'counters'> | undefined;
  /** Attributes of all values, such as `{ netns: 'blue' }`. */
  readonly attributes?: Attributes | undefined;
}

/** Gives a value to an instrument. */
type Observe = (instrument: Observable, value: number, attributes?: Attributes) => void;

/** Instruments, and what gives a value to each of them. */
interface Group<Source> {
  readonly instruments: Observable[];
  readonly observeAll: (source: Source, observe: Observe) => void;
}

function tableGroup(meter: Meter): Group<TableStats> {
  const count = meter.createObservableUpDownCounter('system.network.conntrack.count', {
    unit: '{entries}',
    description: 'Entries in the table.',
  });
  const max = meter.createObservableUpDownCounter('system.network.conntrack.max', {
    unit: '{entries}',
    description: 'How many entries there may be; 0 for any number.',
  });
  const utilization = meter.createObservableGauge('conntrack.utilization', {
    unit: '1',
    description: 'Entries in the table by how many there may be; 0 without a limit.',
  });
  const stat = meter.createObservableCounter('conntrack.stat', {
    description: 'The counters of the kernel, by processor.',
  });
  return {
    instruments: [count, max, utilization, stat],
    observeAll: ({ entries, maxEntries, cpus }, observe) => {
      observe(count, entries);
      observe(max, maxEntries);
      observe(utilization, maxEntries === 0 ? 0 : entries / maxEntries);
      for (const { cpu, ...counters } of cpus) {
        for (const [counter, value] of namedCounters(counters)) {
          observe(stat, value, { cpu, counter });
        }
      }
    },
  };
}

function eventGroup(meter: Meter): Group<EventCounters> {
  const counter = (name: string, unit: string, description: string) =>
    meter.createObservableCounter(`conntrack.events.${name}`, { unit, description });
  const received = counter(
    'received',
    '{event}',
    'Events that the kernel gave and that passed the filter.',
  );
  const delivered = counter('delivered', '{event}', 'Events that have reached JavaScript.');
  const lost = counter(
    'lost',
    '{event}',
    'Events that found no room in the receive buffer (kernel) or in the queue.',
  );
  const malformed = counter(
    'malformed',
    '{message}',
    'Messages of the kernel that could not be decoded.',
  );
  const foreign = counter('foreign', '{message}', 'Messages of other processes that were dropped.');
  return {
    instruments: [received, delivered, lost, malformed, foreign],
    observeAll: (counters, observe) => {
      observe(received, counters.received);
      observe(delivered, counters.delivered);
      observe(lost, counters.lostInKernel, { cause: 'kernel' });
      observe(lost, counters.lostInQueue, { cause: 'queue' });
      observe(malformed, counters.malformed);
      observe(foreign, counters.foreign);
    },
  };
}

/**
 * Registers metrics of the table as observable instruments of a meter. A collection reads the
 * kernel's counters once, as {@link readStats} does, which does not read the table itself, and
 * needs no privileges. When that fails, the collection has an error and no values of these.
 *
 * @returns a function that ends it
 * @throws TypeError for a wrong option, naming the field.
 *
 * @example
 * ```ts
 * import { metrics } from '@opentelemetry/api';
 * import { registerMetrics } from 'conntrack/opentelemetry';
 *
 * registerMetrics(metrics.getMeter('conntrack'));
 * ```
 */
export function registerMetrics(meter: Meter, options: OpenTelemetryOptions = {}): () => void {
  objectOf(options, 'options', ['conntrack', 'stream', 'attributes']);
  const { conntrack = { readStats }, stream, attributes } = options;
  const table = tableGroup(meter);
  const events = eventGroup(meter);
  const instruments = [...table.instruments, ...(stream === undefined ? [] : events.instruments)];
  const callback = async (result: BatchObservableResult) => {
    const stats = await conntrack.readStats();
    const observe: Observe = (instrument, value, own) => {
      result.observe(instrument, value, { ...attributes, ...own });
    };
    table.observeAll(stats, observe);
    if (stream !== undefined) events.observeAll(stream.counters, observe);
  };
  meter.addBatchObservableCallback(callback, instruments);
  return () => {
    meter.removeBatchObservableCallback(callback, instruments);
  };
}
