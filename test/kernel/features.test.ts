/**
 * Each feature of src/core/features.ts, and each counter that came or went, is tried on the running
 * kernel, and must be there or not as the list says.
 */
import {
  Conntrack,
  type ConntrackEvent,
  createEntry,
  type EntryFilter,
  type EntrySpec,
  explainFilter,
  getEntry,
  listEntries,
  readStats,
  updateEntry,
  type WatchOptions,
  watchEvents,
} from 'conntrack';
import { beforeEach, expect, test } from 'vitest';
import type { FEATURES } from '../../src/core/features.js';
import { COUNTER_LIST } from '../../src/health/counters.js';
import { type FeatureName, hasFeature, isOn, series } from '../support/kernel-features.js';
import { nft, run, setting } from '../support/namespace.js';
import { describeInNamespace } from '../support/requirements.js';
import { createMany } from './populate.js';

const V4 = { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: 1, destinationPort: 2 };
const udp: EntrySpec = { protocol: 'udp', original: V4, timeout: 100 };
const tcp: EntrySpec = { ...udp, protocol: 'tcp', tcp: { state: 'ESTABLISHED' } };

/** The first of these events that comes when something was done. */
async function firstEvent(
  options: WatchOptions,
  act: () => unknown,
  isIt: (event: ConntrackEvent) => boolean = () => true,
): Promise<ConntrackEvent> {
  const stream = watchEvents(options);
  try {
    await act();
    for await (const event of stream) if (isIt(event)) return event;
  } finally {
    await stream.close();
  }
  throw new Error('the stream ended');
}

const isAskedOfKernel = (filter: EntryFilter) =>
  explainFilter(filter).fields.every(({ evaluatedBy }) => evaluatedBy === 'kernel');

type Untried = {
  [Name in FeatureName]: (typeof FEATURES)[Name] extends { untried: string } ? Name : never;
}[FeatureName];

/** Whether the kernel has it. */
const TRIALS: Readonly<Record<Exclude<FeatureName, Untried>, () => Promise<boolean>>> = {
  startTime: async () => {
    setting('timestamp', 1);
    return (await createEntry(udp)).startTimeNs !== undefined;
  },
  zeroCounters: async () => {
    setting('acct', 1);
    await createEntry(udp);
    return (await listEntries(undefined, { zeroCounters: true })).length === 1;
  },
  labels: async () => {
    nft('table inet labels { chain unused { ct label set 1; }; }');
    return (await createEntry({ ...udp, labels: 2n })).labels === 2n;
  },
  allNamespaces: async () => {
    await watchEvents({ allNamespaces: true }).close();
    return true;
  },
  tupleZone: async () =>
    (await createEntry({ ...udp, original: { ...V4, zone: 3 } })).original.zone === 3,
  lostCounts: async () => {
    const lost = await firstEvent(
      { events: ['new'], receiveBufferBytes: 4096 },
      () => {
        createMany(0, 10_000);
      },
      ({ type }) => type === 'lost',
    );
    return lost.type === 'lost' && lost.count > 1;
  },
  synproxy: async () => {
    const synproxy = { initialSequence: 1, initialTimestamp: 2, timestampOffset: 3 };
    const spec = { ...tcp, status: ['seenReply', 'assured'], synproxy } as const;
    return (await createEntry(spec)).synproxy !== undefined;
  },
  stableId: async () => {
    const { id } = await createEntry(udp);
    return (await updateEntry(udp, { mark: 1 })).id === id && (await getEntry(udp))?.id === id;
  },
  tupleFilter: async () => isAskedOfKernel({ protocol: 'udp', original: { source: '10.0.0.1' } }),
  destroyState: async () => {
    const event = await firstEvent({ events: ['destroy'] }, async () => {
      await createEntry(tcp);
      run('conntrack', '-F');
    });
    return 'entry' in event && event.entry.tcp !== undefined;
  },
  statusFilter: async () => isAskedOfKernel({ assured: true }),
  automaticEvents: async () => {
    await using handle = await Conntrack.open();
    return (await handle.readSettings()).events === 'auto';
  },
  zoneFilter: async () => {
    await createEntry(udp); // an empty table does not tell
    return isAskedOfKernel({ zone: 5 });
  },
  eventTime: async () => {
    setting('timestamp', 1);
    const event = await firstEvent({ events: ['new'] }, () => createEntry(udp));
    return event.type === 'new' && event.eventTimeNs !== undefined;
  },
  dccp: async () => {
    const dccp = { state: 'OPEN', role: 'client', handshakeSequence: 1n } as const;
    return (await createEntry({ ...udp, protocol: 'dccp', dccp })).dccp !== undefined;
  },
  udplitePorts: async () =>
    (await createEntry({ ...udp, protocol: 'udplite' })).original.sourcePort === 1,
};

describeInNamespace('conntrack', 'nft')(`features of Linux ${series}`, () => {
  beforeEach(() => {
    run('conntrack', '-F');
    nft('flush ruleset');
    setting('timestamp', 0);
    setting('acct', 0);
  });

  test.each(Object.entries(TRIALS) as [FeatureName, () => Promise<boolean>][])(
    '%s',
    async (name, trial) => {
      expect(await trial()).toBe(hasFeature(name));
    },
  );

  test.each(COUNTER_LIST)('the counter %s', async (name, counter) => {
    expect((await readStats()).total[name] !== undefined).toBe(isOn(counter, series));
  });
});
