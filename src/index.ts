export { Conntrack, countEntries, getEntry, listEntries, streamEntries } from './conntrack.js';
export type * from './entry.js';
export type { EntryKey, OriginalKey, ReplyKey } from './entry-key.js';
export type { EntryStream, ReadOptions } from './entry-stream.js';
export { ConntrackError, type ConntrackErrorCode } from './errors.js';
export type { EntryFilter } from './filter.js';
export {
  DCCP_ROLES,
  DCCP_STATES,
  type DccpRole,
  type DccpState,
  type Family,
  type NamedProtocol,
  PROTOCOL_NUMBERS,
  type Protocol,
  SCTP_STATES,
  type SctpState,
  STATUS_FLAGS,
  type StatusFlag,
  TCP_STATES,
  type TcpState,
  type UnknownName,
} from './names.js';
