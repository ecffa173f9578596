/**
 * Linux connection tracking: the table, its events, changes, statistics and settings.
 *
 * @module conntrack
 */
export { Conntrack, type OpenOptions } from './conntrack.js';
export type { ConntrackErrorCode } from './core/error-page.js';
export { ConntrackError } from './core/errors.js';
export {
  DCCP_ROLES,
  DCCP_STATES,
  type DccpRole,
  type DccpState,
  EXPECTATION_FLAGS,
  type ExpectationFlag,
  type Family,
  type NamedProtocol,
  OTHER_PROTOCOL_NUMBERS,
  PROTOCOL_NUMBERS,
  type Protocol,
  type ProtocolWord,
  SCTP_STATES,
  type SctpState,
  STATUS_FLAGS,
  type StatusFlag,
  TCP_STATES,
  type TcpState,
  type UnknownName,
} from './core/names.js';
export type { RequestTrace } from './core/trace.js';
export type { DeleteStream } from './entry/delete-stream.js';
export type * from './entry/entry.js';
export { entryKey, type KeyedFlow } from './entry/entry-key.js';
export {
  ENTRY_FORMATS,
  type EntryFormat,
  type FormatOptions,
  formatEntry,
} from './entry/format.js';
export type { EntryKey, OriginalKey, ReplyKey } from './entry/key.js';
export { type LabelNames, readLabelNames } from './entry/label-names.js';
export { type ParseOptions, parseEntries } from './entry/parse.js';
export {
  type DeleteCounts,
  type DeletedEntries,
  type DeleteOptions,
  type DeleteResult,
  type EntryChanges,
  type EntrySpec,
  type FlushOptions,
  type GetOptions,
  type ReplySpec,
  type RequestResult,
  type SctpSpec,
  SETTABLE_STATUS,
  type SettableStatus,
  type StreamDeletesOptions,
  type TcpSpec,
  type UpdateOptions,
  type UpdateResult,
  type UpsertResult,
} from './entry/spec.js';
export type { EntryStream, ReadOptions } from './entry/stream.js';
export type { DumpTrace } from './entry/trace.js';
export type {
  RestoreEntriesOptions,
  RestoreEntriesResult,
  RestoreFailure,
  TextReadable,
  TextWritable,
  WriteEntriesOptions,
  WriteEntriesResult,
} from './entry/transfer.js';
export {
  type ConntrackEvent,
  ENTRY_EVENTS,
  type EntryEvent,
  type EntryEventType,
  type EventCounters,
  type EventCoverage,
  type EventOrigin,
  type ExpectationEvent,
  type LostEvent,
  type NamespaceId,
  type OriginProgram,
  type ReliabilityEndedEvent,
  type WatchOptions,
} from './event/event.js';
export type { EventStream } from './event/stream.js';
export type { LossTrace } from './event/trace.js';
export type * from './expectation/expectation.js';
export type * from './expectation/filter.js';
export type {
  CounterFilter,
  EntryConditions,
  EntryFilter,
  FilterLookup,
  FilterPlan,
  PlannedField,
  PortFilter,
  RangeFilter,
  StateFilter,
  TupleFilter,
} from './filter/filter.js';
export { networkMatcher } from './filter/network-matcher.js';
export type { Finding, FindingCode, FindingSeverity } from './health/diagnose.js';
export type {
  CounterRate,
  PressureLevel,
  PressureOptions,
  PressureSample,
  PressureThresholds,
  WatchPressureOptions,
} from './health/pressure.js';
export {
  SETTINGS,
  type Setting,
  type SettingChanges,
  type SettingName,
  type SettingValues,
  type TableSettings,
} from './health/settings.js';
export type { CpuStats, TableCounters, TableStats } from './health/stats.js';
export type * from './mirror/change.js';
export type { ChangeStream } from './mirror/change-stream.js';
export type { IndexName } from './mirror/dimensions.js';
export type { FlowKey } from './mirror/flow-key.js';
export type { CountedBy, CountOptions } from './mirror/groups.js';
export type { Freshness } from './mirror/live-table.js';
export type { FlowCriteria } from './mirror/lookup.js';
export type { ChangeOptions, TableMirror } from './mirror/mirror.js';
export { MIRROR_INDEXES, type MirrorOptions } from './mirror/options.js';
export type * from './record/tuple.js';
export * from './table/table.js';
export {
  type DefaultTimeouts,
  TIMEOUT_STATES,
  type TimeoutPolicy,
  type TimeoutPolicySpec,
  type TimeoutProtocol,
  type TimeoutState,
  type Timeouts,
} from './timeout/policy.js';
