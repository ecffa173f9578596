/** The sums of a flow log, and what counts twice. */
import { describe, expect, it } from 'vitest';
import {
  type FlowPart,
  type FlowRecord,
  FlowTotals,
  writeFlows,
} from '../../src/flow-log/flow-log.js';
import { partOf } from './flow-samples.js';

const at = new Date('2026-01-01T00:00:00Z');

function part(more: Partial<FlowPart>): FlowPart {
  return partOf(1, { to: at, traffic: undefined, total: undefined, ...more });
}

const traffic = (packets: number, bytes: number, replyPackets: number, replyBytes: number) => ({
  original: { packets, bytes },
  reply: { packets: replyPackets, bytes: replyBytes },
});

const RECORDS: readonly FlowRecord[] = [
  { type: 'notice', code: 'accounting-off', message: '', at },
  part({ traffic: traffic(1, 100, 2, 200), total: traffic(9, 900, 9, 900) }),
  part({ outcome: 'open', traffic: traffic(10, 1000, 20, 2000) }),
  part({ outcome: 'open', protocol: 'other', doubts: ['no-counters'] }),
  part({ outcome: 'deleted', protocol: 'udp', traffic: traffic(5, 50, 0, 0) }),
  part({ outcome: 'unobserved', estimated: true, doubts: ['lost'] }),
  { type: 'lost', cause: 'kernel', count: 7, at },
  { type: 'lost', cause: 'queue', count: 2, at },
  { type: 'lost', cause: 'kernel', count: 3, at },
  { type: 'gap', from: at, to: new Date(at.getTime() + 2500) },
  // The clock was set back.
  { type: 'gap', from: at, to: new Date(at.getTime() - 9999) },
];

const NO_NOTICES = {
  'accounting-off': 0,
  'timestamps-off': 0,
  'events-off': 0,
  'older-flows-silent': 0,
  'settings-unreadable': 0,
  'reliability-ended': 0,
  finished: 0,
};

const SUMS = {
  protocols: new Map([
    [
      'tcp',
      {
        records: { open: 1, expired: 1, deleted: 0, unobserved: 1 },
        traffic: traffic(11, 1100, 22, 2200),
      },
    ],
    [
      'other',
      {
        records: { open: 1, expired: 0, deleted: 0, unobserved: 0 },
        traffic: traffic(0, 0, 0, 0),
      },
    ],
    [
      'udp',
      {
        records: { open: 0, expired: 0, deleted: 1, unobserved: 0 },
        traffic: traffic(5, 50, 0, 0),
      },
    ],
  ]),
  estimated: 1,
  lostInKernel: 10,
  lostInQueue: 2,
  gapMs: 2500,
  notices: { ...NO_NOTICES, 'accounting-off': 1 },
};

async function* source(): AsyncGenerator<FlowRecord> {
  yield* RECORDS;
}

describe('the sums of a flow log', () => {
  it('begin at 0', () => {
    expect(new FlowTotals().counters).toEqual({
      protocols: new Map(),
      estimated: 0,
      lostInKernel: 0,
      lostInQueue: 0,
      gapMs: 0,
      notices: NO_NOTICES,
    });
  });

  it('have each record once, where another writer fails and writes again', async () => {
    const totals = new FlowTotals();
    let failures = 0;
    const failing = {
      async write() {
        if (failures++ < 3) throw new Error('not now');
      },
    };
    const written = await writeFlows(source(), [failing, totals], { retry: () => 0 });
    expect(written).toBe(RECORDS.length);
    expect(failures).toBeGreaterThan(3);
    expect(totals.counters).toEqual(SUMS);
  });

  it('are a copy that nothing changes', async () => {
    const totals = new FlowTotals();
    await totals.write(RECORDS);
    const before = totals.counters;
    await totals.write(RECORDS);
    expect(before).toEqual(SUMS);
    expect(totals.counters.protocols.get('tcp')?.traffic).toEqual(traffic(22, 2200, 44, 4400));
  });
});
