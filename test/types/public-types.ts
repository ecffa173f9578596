// What the types promise. Compiled, never run: see test/unit/types.test.ts.
import {
  Conntrack,
  type ConntrackError,
  type ConntrackErrorCode,
  createEntries,
  createEntry,
  createExpectation,
  createTimeoutPolicy,
  type DccpInfo,
  type DccpState,
  type DeleteResult,
  deleteEntries,
  deleteEntry,
  deleteExpectation,
  deleteExpectations,
  deleteTimeoutPolicy,
  type Entry,
  type EntryChanges,
  type EntryFilter,
  type EntryJson,
  type EntryKey,
  type EntrySpec,
  type EntryStream,
  type Expectation,
  type ExpectationChanges,
  type ExpectationFilter,
  type ExpectationKey,
  type ExpectationNat,
  type ExpectationSpec,
  explainFilter,
  type Family,
  type FilterPlan,
  flushEntries,
  getEntry,
  type IcmpTuple,
  listEntries,
  listExpectations,
  listTimeoutPolicies,
  MIRROR_INDEXES,
  type Nat,
  type NatEndpoint,
  type OriginalKey,
  type PortFilter,
  type Protocol,
  type ReadOptions,
  type ReplyKey,
  type ReplySpec,
  type RequestResult,
  readDefaultTimeouts,
  type SctpInfo,
  type SequenceAdjustment,
  type SettingChanges,
  type StatusFlag,
  type Synproxy,
  streamEntries,
  type TableMirror,
  TCP_STATES,
  type TcpInfo,
  type TcpSpec,
  type TcpState,
  type TimeoutPolicy,
  type TimeoutPolicySpec,
  type Tuple,
  type UpdateResult,
  updateEntries,
  updateEntry,
  updateExpectation,
  updateTimeoutPolicy,
  type WatchOptions,
  writeDefaultTimeouts,
} from 'conntrack';
import {
  type FlowRecord,
  FlowTotals,
  parseFlowRecord,
  recordFlows,
  writeFlows,
} from 'conntrack/flow-log';
import { type FlowDatabase, openFlowDatabase } from 'conntrack/flow-log/sqlite';
import { registerMetrics } from 'conntrack/prometheus';
import { expectTypeOf } from 'vitest';

// An entry is told apart by its protocol --------------------------------------------
export function narrowing(entry: Entry): void {
  expectTypeOf(entry.tcp).toEqualTypeOf<TcpInfo | undefined>();
  switch (entry.protocol) {
    case 'tcp':
      expectTypeOf(entry.tcp).toEqualTypeOf<TcpInfo | undefined>();
      expectTypeOf(entry.sctp).toEqualTypeOf<undefined>();
      break;
    case 'sctp':
      expectTypeOf(entry.sctp).toEqualTypeOf<SctpInfo | undefined>();
      expectTypeOf(entry.tcp).toEqualTypeOf<undefined>();
      break;
    case 'dccp':
      expectTypeOf(entry.dccp).toEqualTypeOf<DccpInfo | undefined>();
      break;
    default:
      expectTypeOf(entry.tcp).toEqualTypeOf<undefined>();
      expectTypeOf(entry.protocol).toEqualTypeOf<
        'udp' | 'udplite' | 'icmp' | 'icmpv6' | 'gre' | 'other'
      >();
  }
  // @ts-expect-error -- no such protocol
  if (entry.protocol === 'tpc') return;
  expectTypeOf<Entry['protocol']>().toEqualTypeOf<Protocol>();
}

// Whatever may be absent says so -----------------------------------------------------
export function absence(entry: Entry): void {
  expectTypeOf(entry.timeout).toEqualTypeOf<number | undefined>();
  expectTypeOf(entry.startTimeNs).toEqualTypeOf<bigint | undefined>();
  expectTypeOf(entry.startTime).toEqualTypeOf<Date | undefined>();
  expectTypeOf(entry.labels).toEqualTypeOf<bigint | undefined>();
  expectTypeOf(entry.nat).toEqualTypeOf<Nat | undefined>();
  expectTypeOf(entry.original.sourcePort).toEqualTypeOf<number | undefined>();
  expectTypeOf(entry.zone).toEqualTypeOf<number>();
  // @ts-expect-error -- accounting may be off
  entry.counters.original.packets.toFixed();
  // @ts-expect-error -- a UDP flow has no state
  entry.tcp.state.trim();
  expectTypeOf<NonNullable<typeof entry.counters>['reply']['packetsBig']>().toEqualTypeOf<bigint>();
}

// Entries are read-only ---------------------------------------------------------------
export function readOnly(entry: Entry): void {
  // @ts-expect-error -- read-only
  entry.mark = 1;
  // @ts-expect-error -- read-only
  entry.protocol = 'udp';
  // @ts-expect-error -- read-only
  entry.original.source = '10.0.0.1';
  // @ts-expect-error -- read-only
  entry.status.assured = true;
  // JSON is a plain object of its own.
  entry.toJSON().mark = 1;
}

// Words -------------------------------------------------------------------------------
export function words(entry: Entry, flag: StatusFlag): void {
  expectTypeOf<(typeof entry.status)[StatusFlag]>().toEqualTypeOf<boolean>();
  entry.status[flag].valueOf();
  expectTypeOf<Family>().toEqualTypeOf<'ipv4' | 'ipv6'>();
  expectTypeOf<(typeof TCP_STATES)[number] | `UNKNOWN(${number})`>().toEqualTypeOf<TcpState>();
  const known: TcpState = 'ESTABLISHED';
  const unknown: TcpState = 'UNKNOWN(42)';
  // @ts-expect-error -- no such state
  const misspelled: TcpState = 'ESTABLISHD';
  // @ts-expect-error -- a TCP state, not one of DCCP
  const other: DccpState = 'SYN_SENT';
  // @ts-expect-error -- the tables are read-only
  TCP_STATES[0] = 'NONE';
  expectTypeOf([known, unknown, misspelled, other]).toBeArray();
}

// Keys --------------------------------------------------------------------------------
export function keys(entry: Entry, tuple: Tuple): EntryKey[] {
  const original = { protocol: 'tcp', original: tuple } as const;
  void getEntry(entry);
  void getEntry(original);
  // @ts-expect-error -- no tuple
  void getEntry({ protocol: 'tcp' });
  // @ts-expect-error -- no protocol
  void getEntry({ original: tuple });
  // @ts-expect-error -- no such protocol
  void getEntry({ protocol: 'tpc', original: tuple });
  // @ts-expect-error -- no destination
  void getEntry({ protocol: 'tcp', original: { source: '10.0.0.1' } });
  // @ts-expect-error -- misspelled
  void getEntry({ protocol: 'tcp', original: tuple, zoen: 1 });
  return [
    entry,
    original,
    { protocol: 6, reply: tuple, zone: 1, id: 5 },
    { protocol: 'other', protocolNumber: 50, original: tuple },
    // What was read as JSON names its entry as well.
    entry.toJSON(),
  ];
}

// Functions ---------------------------------------------------------------------------
export async function functions(): Promise<void> {
  expectTypeOf<ReturnType<typeof listEntries>>().toEqualTypeOf<Promise<Entry[]>>();
  expectTypeOf<ReturnType<typeof getEntry>>().toEqualTypeOf<Promise<Entry | undefined>>();
  expectTypeOf<ReturnType<typeof streamEntries>>().toEqualTypeOf<EntryStream>();

  const filters: EntryFilter[] = [{}, { family: 'ipv4' }, { family: undefined }];
  const options: ReadOptions = { signal: AbortSignal.timeout(1000), zeroCounters: true };
  await listEntries(filters, options);
  await listEntries({ family: 'ipv6' }, { signal: undefined });
  // @ts-expect-error -- no such family
  await listEntries({ family: 'ipv5' });
  // @ts-expect-error -- misspelled
  await listEntries({ famly: 'ipv4' });
  // @ts-expect-error -- misspelled
  await listEntries({}, { zeroCounter: true });
  // @ts-expect-error -- not a boolean
  streamEntries({}, { zeroCounters: 1 });

  for await (const entry of streamEntries()) expectTypeOf(entry).toEqualTypeOf<Entry>();
  for await (const batch of streamEntries().batches()) expectTypeOf(batch).toEqualTypeOf<Entry[]>();

  await using conntrack = await Conntrack.open();
  await using stream = conntrack.streamEntries(filters, options);
  expectTypeOf(stream).toEqualTypeOf<EntryStream>();
  expectTypeOf<Conntrack['listEntries']>().toEqualTypeOf<typeof listEntries>();
  expectTypeOf<Conntrack['streamEntries']>().toEqualTypeOf<typeof streamEntries>();
  expectTypeOf<Conntrack['getEntry']>().toEqualTypeOf<typeof getEntry>();
  // @ts-expect-error -- a handle is opened, not constructed
  expectTypeOf(new Conntrack()).toBeObject();
}

// Writing -----------------------------------------------------------------------------
export async function writing(entry: Entry, tuple: Tuple): Promise<void> {
  const spec: EntrySpec = { protocol: 'tcp', original: tuple, timeout: 60 };
  expectTypeOf(await createEntry(entry)).toEqualTypeOf<Entry>();
  expectTypeOf(await createEntries([entry, spec])).toEqualTypeOf<RequestResult[]>();
  // @ts-expect-error -- no timeout
  await createEntry({ protocol: 'tcp', original: tuple });
  // @ts-expect-error -- the kernel's own
  await createEntry({ ...spec, status: ['sourceNat'] });
  // @ts-expect-error -- misspelled
  await createEntry({ ...spec, marc: 1 });
  // What was read as JSON, as it is and with other values.
  await createEntries([entry.toJSON()]);
  await createEntry({ ...entry.toJSON(), timeout: 60, status: ['assured'], helper: undefined });
  // @ts-expect-error -- without the tags, undefined though they may be
  await createEntry({ ...spec, protocol: 'sctp', sctp: { state: 'ESTABLISHED' } });
  // @ts-expect-error -- and of DCCP the role
  await createEntry({ ...spec, protocol: 'dccp', dccp: { state: 'OPEN' } });
  // @ts-expect-error -- all three
  await createEntry({ ...spec, synproxy: { initialSequence: 1 } });
  for (const { entry: made, error } of await createEntries([spec])) {
    if (error === undefined) expectTypeOf(made).toEqualTypeOf<Entry>();
    else expectTypeOf(error).toEqualTypeOf<ConntrackError | TypeError | RangeError>();
  }

  expectTypeOf(await updateEntry(entry, { mark: { value: 1, mask: 3 } })).toEqualTypeOf<Entry>();
  // @ts-expect-error -- no tags
  await updateEntry(entry, { sctp: { state: 'CLOSED' } });
  // @ts-expect-error -- tags that may be absent
  if (entry.protocol === 'sctp') await updateEntry(entry, { sctp: entry.sctp });
  // @ts-expect-error -- a zone cannot change
  await updateEntry(entry, { zone: 1 });
  expectTypeOf(await updateEntries({ mark: 1 }, { timeout: 5 })).toEqualTypeOf<UpdateResult>();

  expectTypeOf(await deleteEntry(entry)).toEqualTypeOf<boolean>();
  expectTypeOf(await deleteEntries({ mark: 1 }, { dryRun: true })).toEqualTypeOf<DeleteResult>();
  // @ts-expect-error -- no filter
  await deleteEntries();
  // @ts-expect-error -- misspelled
  await deleteEntries({ mark: 1 }, { dryrun: true });
  await flushEntries({ family: 'ipv4' });
  // @ts-expect-error -- undefined is not both
  await flushEntries({ family: undefined });

  const [expectation] = await listExpectations();
  if (expectation !== undefined) {
    expectTypeOf(expectation).toEqualTypeOf<Expectation>();
    await createExpectation(expectation);
    await deleteExpectation(expectation);
    await updateExpectation(expectation, { timeout: 5 });
    // @ts-expect-error -- the kernel changes the timeout alone
    await updateExpectation(expectation, { timeout: 5, flags: [] });
  }
  await listExpectations([{ helper: 'ftp' }, { not: { port: 21 } }]);
  // @ts-expect-error -- the kernel sends no zone
  await listExpectations({ zone: 5 });
  // @ts-expect-error -- without a filter
  await deleteExpectations();

  const [policy] = await listTimeoutPolicies();
  if (policy !== undefined) {
    expectTypeOf(policy.timeouts.established).toEqualTypeOf<number | undefined>();
    await createTimeoutPolicy(policy);
    expectTypeOf(
      await updateTimeoutPolicy(policy.name, policy.timeouts),
    ).toEqualTypeOf<TimeoutPolicy>();
  }
  // @ts-expect-error -- no name
  await deleteTimeoutPolicy();
  // @ts-expect-error -- misspelled
  await writeDefaultTimeouts('tcp', { establised: 5 });
  // @ts-expect-error -- 'other' has no defaults
  await readDefaultTimeouts('other');
  expectTypeOf(explainFilter({ mark: 1 })).toEqualTypeOf<FilterPlan>();
  expectTypeOf<Conntrack['deleteEntries']>().toEqualTypeOf<typeof deleteEntries>();
  expectTypeOf<Conntrack['createEntries']>().toEqualTypeOf<typeof createEntries>();
  expectTypeOf<Conntrack['explainFilter']>().toEqualTypeOf<typeof explainFilter>();
}

// What a call refuses to do without, the types demand: test/mocked/hostile-arguments.test.ts
// has the same list, save for what a destroy event lacks of SCTP and DCCP. The protocol decides over ports, keys, icmp and protocolNumber.
type Needed<T> = { [K in keyof T]-?: object extends Pick<T, K> ? never : K }[keyof T];

export function needed(): void {
  expectTypeOf<Needed<EntrySpec>>().toEqualTypeOf<'protocol' | 'original' | 'timeout'>();
  expectTypeOf<Needed<ReplySpec>>().toEqualTypeOf<'protocol' | 'reply' | 'timeout'>();
  expectTypeOf<Needed<OriginalKey>>().toEqualTypeOf<'protocol' | 'original'>();
  expectTypeOf<Needed<ReplyKey>>().toEqualTypeOf<'protocol' | 'reply'>();
  expectTypeOf<Needed<ExpectationKey>>().toEqualTypeOf<'protocol' | 'tuple'>();
  expectTypeOf<Needed<ExpectationChanges>>().toEqualTypeOf<'timeout'>();
  expectTypeOf<Needed<ExpectationSpec>>().toEqualTypeOf<'protocol' | 'tuple' | 'master'>();
  expectTypeOf<Needed<TimeoutPolicySpec>>().toEqualTypeOf<'name' | 'family' | 'protocol'>();
  expectTypeOf<Needed<Tuple>>().toEqualTypeOf<'source' | 'destination'>();
  expectTypeOf<Needed<IcmpTuple>>().toEqualTypeOf<'type' | 'code' | 'id'>();
  expectTypeOf<Needed<NatEndpoint>>().toEqualTypeOf<'address'>();
  expectTypeOf<Needed<ExpectationNat>>().toEqualTypeOf<'address' | 'direction'>();
  type Sctp = 'state' | 'originalTag' | 'replyTag';
  expectTypeOf<Needed<NonNullable<EntrySpec['sctp']>>>().toEqualTypeOf<Sctp>();
  expectTypeOf<Needed<NonNullable<EntryChanges['sctp']>>>().toEqualTypeOf<Sctp>();
  expectTypeOf<Needed<NonNullable<EntrySpec['dccp']>>>().toEqualTypeOf<'state' | 'role'>();
  expectTypeOf<Needed<TcpSpec>>().toEqualTypeOf<never>();
  type Adjustment = 'correctionPosition' | 'offsetBefore' | 'offsetAfter';
  expectTypeOf<Needed<SequenceAdjustment>>().toEqualTypeOf<Adjustment>();
  type Numbers = 'initialSequence' | 'initialTimestamp' | 'timestampOffset';
  expectTypeOf<Needed<Synproxy>>().toEqualTypeOf<Numbers>();
  type Mark = Exclude<EntryFilter['mark'], number | undefined>;
  expectTypeOf<Needed<Mark>>().toEqualTypeOf<'value' | 'mask'>();
  type Toggle = Exclude<EntryChanges['mark'], EntryFilter['mark']>;
  expectTypeOf<Needed<Toggle>>().toEqualTypeOf<'toggle'>();
  expectTypeOf<Needed<Exclude<PortFilter, number>>>().toEqualTypeOf<'from' | 'to'>();
  type Optional = EntryFilter & ExpectationFilter & EntryChanges & WatchOptions & SettingChanges;
  expectTypeOf<Needed<Optional>>().toEqualTypeOf<never>();
}

// JSON and errors ---------------------------------------------------------------------
export function json({ labels, startTimeNs, startTime, counters }: EntryJson): void {
  expectTypeOf(labels).toEqualTypeOf<string | undefined>();
  expectTypeOf(startTimeNs).toEqualTypeOf<string | undefined>();
  expectTypeOf(startTime).toEqualTypeOf<string | undefined>();
  expectTypeOf(counters?.original.bytesBig).toEqualTypeOf<string | undefined>();
}

export function errors(error: ConntrackError, code: ConntrackErrorCode): void {
  expectTypeOf(error.errno).toEqualTypeOf<number | undefined>();
  expectTypeOf(error.hint).toEqualTypeOf<string>();
  // Editors offer the known ones, and any other is one, too.
  expectTypeOf<ConntrackErrorCode | 'EPERM' | 'EBADMSG'>().toExtend<ConntrackError['code']>();
  expectTypeOf<string>().not.toEqualTypeOf<ConntrackError['code']>();
  expectTypeOf<string>().toExtend<ConntrackError['code']>();
  if (error.code === 'EPERM' || error.code === code) error.message.trim();
  // @ts-expect-error -- read-only
  error.code = 'EPERM';
}

// Metrics -----------------------------------------------------------------------------
export function metrics(mirror: TableMirror): void {
  registerMetrics({ mirror, groups: ['state', { by: 'service', limit: 20 }] });
  registerMetrics({ mirror, groups: MIRROR_INDEXES, flowLog: new FlowTotals() });
  // @ts-expect-error -- no group
  registerMetrics({ mirror, groups: ['states'] });
  // @ts-expect-error -- misspelled
  registerMetrics({ mirror, groups: [{ by: 'service', limits: 20 }] });
}

// Flow log ----------------------------------------------------------------------------
export async function flowLog(handle: Conntrack, record: FlowRecord): Promise<void> {
  recordFlows({ conntrack: handle, interval: 60_000 });
  recordFlows({ interval: '1.5m', filter: { protocol: 'tcp' } });
  // @ts-expect-error -- no unit
  recordFlows({ interval: '60' });
  for await (const one of recordFlows()) expectTypeOf(one).toEqualTypeOf<FlowRecord>();
  const kept: FlowRecord[] = [];
  const writer = { write: async (some: readonly FlowRecord[]) => void kept.push(...some) };
  expectTypeOf(await writeFlows(recordFlows(), writer)).toBeNumber();
  await writeFlows(recordFlows(), [writer], { retry: (_, failures) => failures * 1000 });
  // @ts-expect-error -- no writer
  await writeFlows(recordFlows(), {});
  expectTypeOf(parseFlowRecord('')).toEqualTypeOf<FlowRecord>();
  if (record.type === 'lost') expectTypeOf(record.count).toBeNumber();
  else if (record.type === 'notice') record.message.trim();
  else if (record.type === 'gap') expectTypeOf(record.from).toEqualTypeOf<Date>();
  else expectTypeOf(record.traffic?.original.bytes).toEqualTypeOf<number | undefined>();
}

// Flow log in SQLite ------------------------------------------------------------------
export async function flowDatabase(database: FlowDatabase): Promise<void> {
  expectTypeOf(await openFlowDatabase({ path: 'f', keepFor: '30d' })).toEqualTypeOf<FlowDatabase>();
  // @ts-expect-error -- no unit
  await openFlowDatabase({ path: 'f', keepFor: '30' });
  // @ts-expect-error -- a file or a database
  await openFlowDatabase({ keepFor: '30d' });
  const [talker] = database.topTalkers({ by: 'service', since: new Date() });
  if (talker !== undefined)
    expectTypeOf(talker.destinationPort).toEqualTypeOf<number | undefined>();
  // @ts-expect-error -- zones have no source
  String(database.topTalkers({ by: 'zone' })[0]?.source);
  // @ts-expect-error -- by what?
  database.topTalkers({ limit: 5 });
}
