import type { Entry, Finding, TableSettings } from 'conntrack';
import { describe, expect, it } from 'vitest';
import { type Census, count, emptyCensus } from '../../src/health/census.js';
import { type Evidence, findingsOf } from '../../src/health/diagnose.js';
import { trafficOf } from '../../src/health/evidence.js';

const MAX = 100_000;

const SETTINGS: TableSettings = {
  maxEntries: MAX,
  buckets: MAX,
  accounting: true,
  timestamps: true,
  events: 'on',
  tcpEstablishedTimeout: 432_000,
};

const stats = (entries: number, counters: Record<string, number> = {}) => ({
  source: 'netlink' as const,
  entries,
  maxEntries: MAX,
  cpus: [],
  total: { ...counters, other: {} },
});

/** Nothing is wrong but what is said. */
function evidence(difference: Partial<Evidence> = {}): Evidence {
  return {
    before: stats(1000, { found: 1 }),
    after: stats(1000, { found: 1 }),
    settings: SETTINGS,
    refusal: undefined,
    census: { ...emptyCensus(), entries: 1000 },
    dying: 0,
    receiveBuffer: { granted: 64 << 20, largest: 212_992 },
    traffic: { packets: 1000, tcpConnections: 1 },
    ...difference,
  };
}

function findingOf(difference: Partial<Evidence>): Finding | undefined {
  const findings = findingsOf(evidence(difference));
  expect(findings.length).toBeLessThanOrEqual(1);
  return findings[0];
}

it('nothing is wrong with a table in order', () => {
  expect(findingsOf(evidence())).toEqual([]);
});

it('the worst comes first', () => {
  const findings = findingsOf(
    evidence({
      settings: { ...SETTINGS, accounting: false, events: 'off' },
      before: stats(90_000, { drop: 1 }),
      after: stats(90_000, { drop: 5, earlyDrop: 1 }),
    }),
  );
  expect(findings.map(({ severity }) => severity)).toEqual([
    'critical',
    'critical',
    'warning',
    'warning',
    'info',
  ]);
});

describe('a finding', () => {
  it.each([
    [69_999, undefined],
    [70_000, 'warning'],
    [84_999, 'warning'],
    [85_000, 'critical'],
    [100_000, 'critical'],
  ])('of a table of %i entries', (entries, severity) => {
    const finding = findingOf({ before: stats(entries), after: stats(entries) });
    expect(finding?.severity).toBe(severity);
    if (finding === undefined) return;
    expect(finding).toMatchObject({
      code: 'table-near-full',
      evidence: { entries, maxEntries: MAX },
      setting: 'net.netfilter.nf_conntrack_max',
      current: MAX,
      suggested: 2 * MAX,
    });
    expect(finding.message).toContain(`${entries} of at most ${MAX}`);
  });

  it.each([
    ['drop', 'packets-dropped', 'warning', 'critical'],
    ['earlyDrop', 'early-drops', 'warning', 'warning'],
    ['insertFailed', 'insert-failures', 'info', 'warning'],
    ['chainTooLong', 'long-chains', 'warning', 'warning'],
  ])('of the counter %s', (counter, code, before, now) => {
    const of = (first: number, last: number) =>
      findingOf({ before: stats(1, { [counter]: first }), after: stats(1, { [counter]: last }) });
    expect(of(0, 0)).toBeUndefined();
    expect(of(7, 7)).toMatchObject({ code, severity: before, evidence: { justNow: 0 } });
    expect(of(7, 9)).toMatchObject({ code, severity: now, evidence: { justNow: 2 } });
    expect(of(7, 9)?.message).toContain('9 ');
  });

  it('of dropped packets blames the maximum only where the table is near it', () => {
    const dropped = (entries: number) =>
      findingsOf(evidence({ after: stats(entries, { drop: 5 }) })).find(
        ({ code }) => code === 'packets-dropped',
      );
    expect(dropped(1000)).not.toHaveProperty('setting');
    expect(dropped(90_000)).toMatchObject({ setting: 'net.netfilter.nf_conntrack_max' });
  });

  it('of entries that are dying: a twentieth of the table', () => {
    const of = (dying: number, entries = 60_000) =>
      findingOf({ dying, after: stats(entries, { found: 1 }) });
    expect(of(MAX / 20 - 1)).toBeUndefined();
    expect(of(MAX / 20)).toMatchObject({
      code: 'entries-dying',
      severity: 'warning',
      evidence: { dying: MAX / 20, share: 0.05 },
    });
    expect(
      findingsOf(evidence({ dying: MAX / 2, after: stats(90_000, { found: 1 }) })).find(
        ({ code }) => code === 'entries-dying',
      ),
    ).toMatchObject({ severity: 'critical' });
  });

  it('of too few buckets: fewer than a quarter of the maximum', () => {
    const of = (buckets: number, entries = 1000) =>
      findingOf({ settings: { ...SETTINGS, buckets }, after: stats(entries, { found: 1 }) });
    expect(of(25_000)).toBeUndefined();
    expect(of(24_999)).toMatchObject({
      code: 'few-buckets',
      severity: 'info',
      current: 24_999,
      suggested: MAX,
    });
    expect(of(10_000, 20_000)?.severity).toBe('info');
    expect(of(10_000, 20_001)?.severity).toBe('warning');
  });

  it.each<[string, TableSettings, string, string]>([
    ['accounting', { accounting: false }, 'accounting-off', 'nf_conntrack_acct'],
    ['timestamps', { timestamps: false }, 'timestamps-off', 'nf_conntrack_timestamp'],
    ['events', { events: 'off' }, 'events-off', 'nf_conntrack_events'],
    ['events', { events: 'auto' }, 'events-auto', 'nf_conntrack_events'],
  ])('of %s: %j', (_, difference, code, sysctl) => {
    const finding = findingOf({ settings: { ...SETTINGS, ...difference } });
    expect(finding).toMatchObject({ code, setting: `net.netfilter.${sysctl}`, suggested: 1 });
  });

  it('of settings that this kernel lacks there is none', () => {
    expect(findingsOf(evidence({ settings: { maxEntries: MAX } }))).toEqual([]);
  });

  it('of a receive buffer that the system caps', () => {
    const finding = findingOf({ receiveBuffer: { granted: 425_984, largest: 212_992 } });
    expect(finding).toMatchObject({
      code: 'receive-buffer-capped',
      setting: 'net.core.rmem_max',
      current: 212_992,
      suggested: 32 << 20,
    });
    expect(finding?.message).toContain('332 events');
    expect(finding?.message).not.toContain('/proc');
    expect(findingOf({ receiveBuffer: undefined })).toBeUndefined();
  });

  it('of a receive buffer that is capped by what /proc does not show', () => {
    const finding = findingOf({ receiveBuffer: { granted: 425_984, largest: undefined } });
    expect(finding).toMatchObject({
      code: 'receive-buffer-capped',
      evidence: { granted: 425_984 },
      setting: 'net.core.rmem_max',
      suggested: 32 << 20,
    });
    expect(finding).not.toHaveProperty('current');
    expect(finding?.message).toContain('in the initial network namespace');
    const whole = { granted: 64 << 20, largest: undefined };
    expect(findingOf({ receiveBuffer: whole })).toBeUndefined();
  });

  it('of a table that nothing fills', () => {
    const empty = { before: stats(0, { found: 0 }), after: stats(0, { found: 0 }) };
    const of = (packets: number, tcpConnections: number) =>
      findingOf({ ...empty, traffic: { packets, tcpConnections } });
    expect(of(0, 0)).toBeUndefined();
    expect(of(5, 0)).toMatchObject({ code: 'nothing-tracked', severity: 'info' });
    expect(of(5, 2)).toMatchObject({ code: 'nothing-tracked', severity: 'warning' });
    const traffic = { packets: 5, tcpConnections: 0 };
    expect(findingOf({ ...empty, after: stats(1), traffic })).toBeUndefined();
    expect(findingOf({ ...empty, after: stats(0, { invalid: 1 }), traffic })).toBeUndefined();
  });

  it('of a table that nothing fills only where counters and packets are known', () => {
    const empty = { before: stats(0, { found: 0 }), after: stats(0, { found: 0 }) };
    expect(findingOf({ ...empty, traffic: undefined })).toBeUndefined();
    const unknown = { before: stats(0), after: stats(0) };
    expect(findingOf({ ...unknown, traffic: { packets: 5, tcpConnections: 0 } })).toBeUndefined();
  });

  it('of a table without a limit suggests none', () => {
    const after = { ...stats(1000, { earlyDrop: 1 }), maxEntries: 0 };
    const finding = findingOf({ before: after, after });
    expect(finding?.code).toBe('early-drops');
    expect(finding).not.toHaveProperty('suggested');
    const empty = { ...stats(0, { found: 1 }), maxEntries: 0 };
    expect(findingOf({ before: empty, after: empty, dying: 0 })).toBeUndefined();
  });

  it('of a counter that the first look did not have: it was not seen to move', () => {
    const finding = findingOf({ before: stats(1), after: stats(1, { drop: 7 }) });
    expect(finding).toMatchObject({ severity: 'warning', evidence: { dropped: 7, justNow: 0 } });
  });

  it('of what could not be looked at', () => {
    const without = { census: undefined, receiveBuffer: undefined };
    expect(findingOf({ ...without, refusal: 'EPERM' })?.code).toBe('privileges-missing');
    expect(findingOf({ ...without, refusal: 'UNSUPPORTED' })?.code).toBe('ctnetlink-missing');
  });

  const maximum = { setting: 'net.netfilter.nf_conntrack_max', current: MAX, suggested: 2 * MAX };
  const buckets = (current: number, suggested: number) => ({
    setting: 'net.netfilter.nf_conntrack_buckets',
    current,
    suggested,
  });
  const { buckets: _, ...hiddenBuckets } = SETTINGS;
  const still = stats(0, { found: 0 });

  it.each<[string, Partial<Evidence>, Omit<Finding, 'message' | 'severity'>, RegExp]>([
    [
      'dropped packets',
      { after: stats(70_000, { drop: 5 }), before: stats(70_000, { drop: 3 }) },
      {
        code: 'packets-dropped',
        evidence: { dropped: 5, justNow: 2, entries: 70_000, maxEntries: MAX },
        ...maximum,
      },
      /dropped 5 packets that began a flow \(2 during this check\), because/,
    ],
    [
      'evicted entries',
      { after: stats(1, { earlyDrop: 7 }) },
      { code: 'early-drops', evidence: { earlyDropped: 7, justNow: 0 }, ...maximum },
      /evicted 7 entries to make room in a full table: flows/,
    ],
    [
      'entries that could not be inserted',
      { after: stats(1, { insertFailed: 7 }) },
      { code: 'insert-failures', evidence: { insertFailed: 7, justNow: 0 } },
      /could not insert 7 entries and dropped/,
    ],
    [
      'chains in a large table',
      { after: stats(1, { chainTooLong: 7 }) },
      {
        code: 'long-chains',
        evidence: { chainTooLong: 7, justNow: 0 },
        ...buckets(MAX, 2 * MAX),
      },
      /refused 7 entries because/,
    ],
    [
      'chains in a small table',
      { settings: { ...SETTINGS, buckets: 30_000 }, after: stats(1, { chainTooLong: 7 }) },
      {
        code: 'long-chains',
        evidence: { chainTooLong: 7, justNow: 0 },
        ...buckets(30_000, MAX),
      },
      /refused 7 entries because/,
    ],
    [
      'chains where /proc hides the buckets',
      { settings: hiddenBuckets, after: stats(1, { chainTooLong: 7 }) },
      { code: 'long-chains', evidence: { chainTooLong: 7, justNow: 0 } },
      /refused 7 entries because/,
    ],
    [
      'few buckets',
      { settings: { ...SETTINGS, buckets: 10_000 }, after: stats(20_000, { found: 1 }) },
      {
        code: 'few-buckets',
        evidence: { buckets: 10_000, entries: 20_000, maxEntries: MAX, tuplesPerBucket: 4 },
        ...buckets(10_000, MAX),
      },
      /chains of 20 tuples \(now 4\.0\)/,
    ],
    [
      'dying entries',
      { dying: 7000, after: stats(50_000, { found: 1 }) },
      {
        code: 'entries-dying',
        evidence: { dying: 7000, entries: 50_000, maxEntries: MAX, share: 0.07 },
      },
      /^7000 entries, 7 % of the table,/,
    ],
    [
      'no flow of local connections',
      { before: still, after: still, traffic: { packets: 5, tcpConnections: 2 } },
      { code: 'nothing-tracked', evidence: { packets: 5, tcpConnections: 2 } },
      /passed 5 packets and has 2 open TCP connections\. /,
    ],
    [
      'no flow at all',
      { before: still, after: still, traffic: { packets: 5, tcpConnections: 0 } },
      { code: 'nothing-tracked', evidence: { packets: 5, tcpConnections: 0 } },
      /passed 5 packets\. /,
    ],
    [
      'flows without events',
      { settings: { ...SETTINGS, events: 'off' } },
      {
        code: 'events-off',
        evidence: { entries: 1000 },
        setting: 'net.netfilter.nf_conntrack_events',
        current: 0,
        suggested: 1,
      },
      /no events/,
    ],
    [
      'flows with events while a program listens',
      { settings: { ...SETTINGS, events: 'auto' } },
      {
        code: 'events-auto',
        evidence: { entries: 1000 },
        setting: 'net.netfilter.nf_conntrack_events',
        current: 2,
        suggested: 1,
      },
      /the 1000 entries that began/,
    ],
  ])('reports the numbers and the setting of %s', (_name, difference, expected, message) => {
    const all = evidence({
      ...(difference.after && { before: difference.after }),
      ...difference,
    });
    const found = findingsOf(all).find(({ code }) => code === expected.code) as Finding;
    const { severity: __, message: said, ...rest } = found;
    expect(rest).toEqual(expected);
    expect(said).toMatch(message);
  });

  it.each([
    ['accounting', 'accounting-off', 'counters'],
    ['timestamps', 'timestamps-off', 'start time'],
  ])('of %s counts the entries that lack it', (name, code, what) => {
    const of = (census: Census | undefined) =>
      findingOf({ settings: { ...SETTINGS, [name]: false }, census });
    const census = { ...emptyCensus(), withoutCounters: 3, withoutTimestamps: 3 };
    const finding = of({ ...census, entries: 20 });
    expect(finding).toMatchObject({
      code,
      evidence: { entriesWithout: 3 },
      current: 0,
      suggested: 1,
    });
    expect(finding?.message).toContain(`; 3 of 20 entries have no ${what}.`);
    expect(of(emptyCensus())?.message).not.toContain('entries');
    const unread = of(undefined);
    expect(unread?.evidence).toEqual({});
    expect(unread?.message).not.toContain('entries');
  });

  it('of a table at the threshold of its level is as severe as of one above it', () => {
    const full = stats(70_000, { found: 1 });
    const severityOf = (difference: Partial<Evidence>, code: string) =>
      findingsOf(evidence({ before: full, after: full, ...difference })).find(
        (finding) => finding.code === code,
      )?.severity;
    const idle = { ...emptyCensus(), entries: 1000, idle: { 86400: 0, 7440: 900 } };
    expect(severityOf({ dying: 9000 }, 'entries-dying')).toBe('critical');
    expect(severityOf({ census: idle }, 'established-timeout-long')).toBe('warning');
  });

  it('of a table with one counter that has moved: it tracks', () => {
    const moved = stats(0, { found: 0, invalid: 1 });
    expect(findingOf({ before: moved, after: moved })).toBeUndefined();
  });

  describe('of a long timeout', () => {
    const of = (day: number, least: number, difference: Partial<Evidence> = {}) =>
      findingOf({
        census: {
          ...emptyCensus(),
          entries: 1000,
          established: 800,
          idle: { 86400: day, 7440: least },
        },
        ...difference,
      });

    it('only where a tenth of the table is idle', () => {
      expect(of(0, 99)).toBeUndefined();
      expect(of(0, 100)).toMatchObject({
        code: 'established-timeout-long',
        severity: 'info',
        setting: 'net.netfilter.nf_conntrack_tcp_timeout_established',
        current: 432_000,
        suggested: 7440,
        evidence: { idle: 100, freed: 100, share: 0.1, established: 800, entries: 1000 },
      });
    });

    it('suggests a day where that frees half as much at least', () => {
      expect(of(299, 600)?.suggested).toBe(7440);
      expect(of(300, 600)).toMatchObject({ suggested: 86_400, evidence: { freed: 300 } });
    });

    it('not of an empty table, or where the timeout is not known', () => {
      expect(findingOf({ census: emptyCensus() })).toBeUndefined();
      const { tcpEstablishedTimeout: _, ...settings } = SETTINGS;
      expect(of(0, 900, { settings })).toBeUndefined();
    });

    it('not where it is short already', () => {
      const settings = { ...SETTINGS, tcpEstablishedTimeout: 7440 };
      expect(of(0, 900, { settings })).toBeUndefined();
    });
  });
});

describe('the census', () => {
  const NOW = 1_000_000_000;
  const entry = (difference: object) =>
    ({ protocol: 'tcp', tcp: { state: 'ESTABLISHED' }, ...difference }) as unknown as Entry;
  const censusOf = (...entries: Entry[]) => censusWith(SETTINGS, ...entries);
  const censusWith = (settings: TableSettings, ...entries: Entry[]): Census => {
    const census = emptyCensus();
    for (const one of entries) count(census, one, settings, NOW);
    return census;
  };

  it('takes what is left of the timeout for the time since the last packet', () => {
    const census = censusOf(
      entry({ timeout: 432_000 }),
      entry({ timeout: 432_000 - 7440 }),
      entry({ timeout: 432_000 - 7441 }),
      entry({ timeout: 432_000 - 86_401 }),
    );
    expect(census).toMatchObject({ established: 4, idle: { 7440: 2, 86400: 1 } });
  });

  it('believes no idle time that is longer than the flow is old', () => {
    const young = entry({ timeout: 1000, startTime: new Date(NOW - 60_000), startTimeNs: 1n });
    expect(censusOf(young).idle).toEqual({ 7440: 0, 86400: 0 });
  });

  it('leaves out what waits for an acknowledgement, is offloaded, or not established', () => {
    const census = censusOf(
      entry({ timeout: 300 }),
      entry({ timeout: undefined }),
      entry({ timeout: 5000, tcp: { state: 'TIME_WAIT' } }),
      entry({ timeout: 5000, protocol: 'udp', tcp: undefined }),
    );
    expect(census).toMatchObject({ entries: 4, established: 2, idle: { 7440: 0 } });
  });

  it('learns nothing from what the longer timeout of unanswered data explains', () => {
    const settings = { ...SETTINGS, tcpUnacknowledgedTimeout: 600, tcpMaxRetransTimeout: 400 };
    const census = censusWith(settings, entry({ timeout: 600 }), entry({ timeout: 601 }));
    expect(census).toMatchObject({ established: 2, idle: { 7440: 1, 86400: 1 } });
    expect(censusWith({}, entry({ timeout: 5000 })).idle).toEqual({ 7440: 0, 86400: 0 });
  });

  it('counts entries without counters and times', () => {
    const times = { startTimeNs: 5n, startTime: new Date(0) };
    const census = censusOf(
      entry({ timeout: 5, counters: {}, ...times }),
      entry({ timeout: 5, tcp: undefined }),
      entry({ timeout: 5, counters: {}, ...times }),
    );
    expect(census).toMatchObject({ entries: 3, withoutCounters: 1, withoutTimestamps: 1 });
  });
});

describe('traffic', () => {
  it('is the sum of what came and went, by the names of the columns', () => {
    const snmp = [
      'Ip: Forwarding InReceives OutRequests',
      'Ip: 2 10 20',
      'IcmpMsg: OutType3',
      'IcmpMsg: 60',
      'Tcp: RtoAlgorithm MaxConn CurrEstab',
      'Tcp: 1 -1 3',
      '',
    ].join('\n');
    const snmp6 = 'Ip6InReceives                   \t100\nIp6OutRequests\t200\nIp6InReceivesX 5\n';
    expect(trafficOf(snmp, snmp6)).toEqual({ packets: 330, tcpConnections: 3 });
  });

  it('is not known where it cannot be read', () => {
    expect(trafficOf(undefined, undefined)).toBeUndefined();
    expect(trafficOf('Ip: InReceives\n', 'Ip6InReceives 5\n')).toBeUndefined();
    for (const hidden of ['InReceives', 'OutRequests', 'CurrEstab']) {
      const snmp = 'Ip: InReceives OutRequests\nIp: 1 2\nTcp: CurrEstab\nTcp: 4\n';
      expect(trafficOf(snmp.replace(hidden, 'Other'))).toBeUndefined();
    }
  });

  it('is that of IPv4 where the kernel has no IPv6', () => {
    const snmp = 'Ip: InReceives OutRequests\nIp: 1 2\nTcp: CurrEstab\nTcp: 0\n';
    expect(trafficOf(snmp, undefined)).toEqual({ packets: 3, tcpConnections: 0 });
  });
});
