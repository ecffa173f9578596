/** What the kernel of these tests has: its table, and its answers. */

import type { Rule } from '../../support/fault-kernel.js';
import {
  attribute,
  CTNETLINK,
  CTNETLINK_EXPECTATIONS,
  CTNETLINK_TIMEOUTS,
  doneMessage,
  entryMessage,
  expectationMessage,
  type Message,
  NLM_F,
  nfgenmsg,
  statsMessage,
  timeoutMessage,
  u32,
} from '../../support/message-builder.js';
import { flow, tcpTuple } from '../flows.js';

export const ECHO = 8;

/** IPCTNL_MSG_CT_GET_DYING, IPCTNL_MSG_EXP_GET and _DELETE, _GET_STATS_CPU, RTM_NEWNSID and _GETNSID. */
const GET_DYING = 0x106;
const EXPECTATION = { get: 0x201, delete: 0x202, statsCpu: 0x203 } as const;
const NSID = { new: 88, get: 90 } as const;
/** What the ids of all namespaces are. */
const NETNS_ID = 7;
/** In the table, as its counters have it. */
export const ENTRIES = 1234;

export const entry = entryMessage({
  original: tcpTuple,
  id: 5,
  mark: 1,
  timeout: 60,
  counters: { original: [1n, 60n], reply: [2n, 120n] },
});

const cpuStats = (type: number, ids: readonly number[]): Message => ({
  type,
  flags: NLM_F.multi,
  // res_id has the number of the processor.
  payload: Buffer.concat([nfgenmsg(0), ...ids.map((id) => attribute(id, u32(100 + id)))]),
});

const policy = timeoutMessage({ name: 'web', protocol: 6, seconds: { 3: 600, 4: 60 }, use: 2 });
const defaults = timeoutMessage({ protocol: 17, seconds: { 1: 30, 2: 120 } });

const namespaceId: Message = {
  type: NSID.new,
  flags: 0,
  payload: Buffer.concat([
    Buffer.alloc(4),
    attribute(1, Buffer.from(Int32Array.of(NETNS_ID).buffer)),
  ]),
};

const DUMP = NLM_F.dump;
const rule = (type: number, flags: number, ...datagrams: (readonly Message[])[]): Rule => ({
  type,
  flags,
  datagrams,
});

/** `table`: the datagrams of a dump, without its end. `expectations`: their ids. */
export function answers(
  table: readonly (readonly Message[])[] = [[entry]],
  expectations: readonly number[] = [5],
): Rule[] {
  const end: readonly Message[] = [doneMessage()];
  return [
    rule(CTNETLINK.get, DUMP, ...table, end),
    rule(CTNETLINK.get, 0, [entry]),
    rule(CTNETLINK.getCtrZero, DUMP, ...table, end),
    rule(CTNETLINK.getCtrZero, 0, [entry]),
    rule(GET_DYING, DUMP, [entry, doneMessage()]),
    rule(CTNETLINK.new, 0),
    rule(CTNETLINK.delete, ECHO, [{ ...entry, type: CTNETLINK.delete }]),
    rule(CTNETLINK.delete, 0),
    rule(CTNETLINK.getStats, 0, [statsMessage(ENTRIES)]),
    rule(CTNETLINK.getStatsCpu, DUMP, [cpuStats(CTNETLINK.getStatsCpu, [2, 4]), doneMessage()]),
    rule(EXPECTATION.statsCpu, DUMP, [cpuStats(EXPECTATION.statsCpu, [1, 2, 3]), doneMessage()]),
    rule(EXPECTATION.get, DUMP, [
      ...expectations.map((id) => expectationMessage(id)),
      doneMessage(),
    ]),
    rule(EXPECTATION.get, 0, [expectationMessage(5)]),
    rule(CTNETLINK_EXPECTATIONS.new, 0),
    rule(EXPECTATION.delete, 0),
    rule(CTNETLINK_TIMEOUTS.get, DUMP, [policy, doneMessage()]),
    rule(CTNETLINK_TIMEOUTS.get, 0, [policy]),
    rule(CTNETLINK_TIMEOUTS.new, 0),
    rule(CTNETLINK_TIMEOUTS.delete, 0),
    rule(CTNETLINK_TIMEOUTS.defaultGet, 0, [defaults]),
    rule(CTNETLINK_TIMEOUTS.defaultSet, 0),
    rule(NSID.get, 0, [namespaceId]),
  ];
}

/** So many entries in datagrams of 140, which is what the kernel sends of a large table. */
export function largeTable(entries: number): Message[][] {
  const datagrams: Message[][] = [];
  for (let first = 0; first < entries; first += 140) {
    const count = Math.min(140, entries - first);
    datagrams.push(Array.from({ length: count }, (_, index) => entryMessage(flow(first + index))));
  }
  return datagrams;
}

/** The requests that change something. */
const CHANGING: readonly number[] = [
  CTNETLINK.new,
  CTNETLINK.delete,
  CTNETLINK.getCtrZero,
  CTNETLINK_EXPECTATIONS.new,
  EXPECTATION.delete,
  CTNETLINK_TIMEOUTS.new,
  CTNETLINK_TIMEOUTS.delete,
  CTNETLINK_TIMEOUTS.defaultSet,
];

export const isChange = ({ type }: { readonly type: number }): boolean => CHANGING.includes(type);

/** The flow `index`, as its events have it. */
const event = (index: number): Message => ({
  ...entryMessage(flow(index)),
  flags: NLM_F.create | NLM_F.excl,
  sequence: 0,
  portId: 0,
});
export const created = event;
export const removed = (index: number): Message => ({
  ...event(index),
  type: CTNETLINK.delete,
  flags: 0,
});
