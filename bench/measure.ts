/**
 * What a trial measures of its own process, from within.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';

/** Reads the table, or does nothing, and gives the number of entries that it saw. */
export type Reader = () => Promise<number | undefined>;

export interface Cost {
  entries: number | undefined;
  seconds: number;
  mainThreadNanoseconds: number;
  /** The peak of the resident memory during the reading, less what was resident before. */
  residentGrowthBytes: number;
}

export async function measureCost(read: Reader): Promise<Cost> {
  resetPeakMemory();
  const resident = memory('VmRSS');
  const cpu = mainThreadNanoseconds();
  const start = process.hrtime.bigint();
  const entries = await read();
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  return {
    entries,
    seconds,
    mainThreadNanoseconds: mainThreadNanoseconds() - cpu,
    residentGrowthBytes: memory('VmHWM') - resident,
  };
}

export interface Delay {
  entries: number | undefined;
  /** Of the event loop, in milliseconds, the interval of the monitor's timer, 1 ms, included. */
  delayP99: number;
  delayMax: number;
}

/** Apart from measureCost: the monitor costs CPU of its own. */
export async function measureDelay(read: Reader): Promise<Delay> {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  await setTimeout(100); // what is left of the start-up
  delays.reset();
  const entries = await read();
  await setTimeout(5); // the monitor notes a pause only once it is over
  delays.disable();
  return { entries, delayP99: delays.percentile(99) / 1e6, delayMax: delays.max / 1e6 };
}

/** CPU time of the JavaScript thread. */
function mainThreadNanoseconds(): number {
  // The kernel brings the figure up to date when the thread leaves its CPU.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  return Number.parseInt(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8'), 10);
}

/** proc(5), clear_refs: 5 sets VmHWM to what is resident now. */
function resetPeakMemory(): void {
  writeFileSync('/proc/self/clear_refs', '5');
}

function memory(field: 'VmRSS' | 'VmHWM'): number {
  const line = new RegExp(`^${field}:\\s*(\\d+) kB$`, 'm').exec(
    readFileSync('/proc/self/status', 'utf8'),
  );
  return Number(line?.[1]) * 1024;
}
