/**
 * What happens to the agent of a host, and what its sink has in the end.
 */
import { setTimeout } from 'node:timers/promises';
import type { FlowPart } from 'conntrack/flow-log';
import { MARK, nameOfPart } from './comparison.js';
import { needOf } from './endurance.js';
import { becomeHub, Host } from './host.js';
import { type EndedFlow, LAST, Listener } from './listener.js';
import { Program, runTraffic } from './programs.js';
import { openSink, type Sink } from './sink.js';

const TINY_BYTES = '16384';
const PATIENCE_MS = 600_000;

/** Returns whether the sink has exactly what the listener saw, but for what its records report. */
export async function compareSink(
  kind: string,
  flows: number,
  round: number,
  isTiny: boolean,
): Promise<boolean> {
  await becomeHub();
  await using sink = await openSink(kind);
  const [host, other] = await Promise.all([Host.create(1), Host.create(2)]);
  const listener = await Listener.start(host);
  const startAgent = () =>
    Program.run(host, 'sink-agent', kind, sink.target, ...(isTiny ? [TINY_BYTES] : []));
  let agent = await startAgent();
  const traffic = await runTraffic(host, [other], round);
  const began = performance.now();
  try {
    if (!isTiny) {
      await ended(listener, flows / 2);
      await agent.end('SIGKILL');
      console.log(`the agent is killed after ${listener.count} flows`);
      await ended(listener, listener.count + flows / 50);
      agent = await startAgent();
      console.log('and records again');
    }
    await ended(listener, flows);
    await traffic.finish();
    await host.mark(MARK, LAST);
    while (!listener.hasEnded) await setTimeout(20);
    const seconds = (performance.now() - began) / 1000;
    const { cpuSeconds, mebibytes } = await needOf(agent.pid);
    await agent.end('SIGTERM');
    console.log(
      `${(listener.count / seconds).toFixed(0)} flows/s; the agent: ${cpuSeconds.toFixed(1)} s of ` +
        `processor since it began, ${mebibytes.toFixed(0)} MiB`,
    );
    return await report(kind, sink, await listener.flows());
  } finally {
    await listener.close();
    for (const one of [host, other]) one.close();
  }
}

async function ended(listener: Listener, count: number): Promise<void> {
  const last = performance.now() + PATIENCE_MS;
  while (listener.count < count) {
    if (performance.now() > last) throw new Error(`waited in vain until ${count} flows ended`);
    await setTimeout(20);
  }
}

async function report(kind: string, sink: Sink, seen: readonly EndedFlow[]): Promise<boolean> {
  const flows = new Map<string, Sum>();
  const names = new Set<string>();
  const gaps: { readonly from: Date; readonly to: Date }[] = [];
  let parts = 0;
  let lost = 0;
  for await (const record of sink.records()) {
    if (record.type === 'lost') lost += record.count;
    if (record.type === 'gap') gaps.push(record);
    if (record.type !== 'flow') continue;
    parts++;
    names.add(`${record.flow}/${record.part}`);
    add(flows, record);
  }
  const left = new Map(flows);
  const counts = { exact: 0, inGap: 0, missing: 0, other: 0, bytes: 0 };
  for (const { name, packets, bytes, end } of seen) {
    const sum = left.get(name);
    left.delete(name);
    if (sum?.hasEnd === true) {
      const isEqual = sum.packets === packets && sum.bytes === bytes;
      counts[isEqual ? 'exact' : 'other']++;
      counts.bytes += bytes;
    } else if (gaps.some(({ from, to }) => Number(from) <= end && end <= Number(to))) {
      counts.inGap++;
    } else counts.missing++;
  }
  const size = await sink.size();
  console.log(
    [
      `ended, as a listener saw:        ${seen.length}`,
      `in the ${kind}, sums equal:      ${counts.exact} (${counts.bytes} bytes of traffic)`,
      `in the ${kind}, sums not equal:  ${counts.other}`,
      `ended while no agent ran:        ${counts.inGap}`,
      `missing beside these:            ${counts.missing}, lost events reported: ${lost}`,
      `unknown: ${left.size}, twice: ${parts - names.size}`,
      `${parts} records, ${(size / parts).toFixed(0)} bytes each`,
    ].join('\n'),
  );
  const isNothing = [counts.other, left.size, parts - names.size].every((count) => count === 0);
  return isNothing && counts.missing === lost;
}

/** The parts of a flow together. */
interface Sum {
  packets: number;
  bytes: number;
  /** An event has told its end. */
  hasEnd: boolean;
}

function add(flows: Map<string, Sum>, part: FlowPart): void {
  const name = nameOfPart(part);
  const sum = flows.get(name) ?? { packets: 0, bytes: 0, hasEnd: false };
  const { original, reply } = part.traffic ?? {};
  sum.packets += (original?.packets ?? 0) + (reply?.packets ?? 0);
  sum.bytes += (original?.bytes ?? 0) + (reply?.bytes ?? 0);
  sum.hasEnd ||= part.outcome === 'expired' || part.outcome === 'deleted';
  flows.set(name, sum);
}
