/**
 * Bursts of new entries at the full speed of ctnetlink, and what listeners make of
 * them: how many events they lose, and what one costs.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type EventListener, isPresent, listeners } from './event-listeners.js';
import { describeMachine } from './machine.js';
import { unshareFlags } from './namespace.js';
import { type Cell, renderTable } from './table.js';

export interface EventOptions {
  /** Sizes of the bursts. */
  bursts: number[];
  rounds: number;
  json: string;
  markdown: boolean;
}

interface Sample {
  cpuNanoseconds: number;
  events: number;
  /** What the stream itself said was lost. */
  told?: number;
}

/** At most so much of the floor's CPU time an event. */
const CPU_RATIO = 1.5;

export function benchEvents({ bursts, rounds, json, markdown }: EventOptions): void {
  const present = listeners.filter(isPresent);
  const machine = describeMachine();
  const results = bursts.map((count) => {
    const samples = present.map((): Sample[] => []);
    for (let round = 0; round < rounds; round++) {
      console.error(`${count} events, round ${round + 1} of ${rounds}`);
      for (const [index, listener] of present.entries()) {
        samples[index]?.push(runTrial(listener, count));
      }
    }
    return { count, samples };
  });
  mkdirSync(dirname(json), { recursive: true });
  const figures = results.map(({ count, samples }) => ({
    count,
    listeners: present.map(({ key }, index) => ({ key, samples: samples[index] })),
  }));
  writeFileSync(json, `${JSON.stringify({ machine, rounds, bursts: figures }, undefined, 2)}\n`);

  const heading = (text: string) => (markdown ? `### ${text}` : text.toUpperCase());
  const number = (value: number) => value.toLocaleString('en-US');
  const sections = results.map(({ count, samples }) => {
    const floor = median((samples[0] ?? []).map(cpuAnEvent));
    const rows = present.map(({ name }, index): Cell[] => {
      const ours = samples[index] ?? [];
      const cpu = median(ours.map(cpuAnEvent));
      const lost = ours.map(({ events }) => count - events);
      return [
        name,
        String(ours.length),
        number(Math.max(...lost)),
        ours[0]?.told === undefined ? '' : number(Math.max(...ours.map(({ told = 0 }) => told))),
        cpu.toFixed(0),
        (cpu / floor).toFixed(2),
      ];
    });
    const head = ['listener', 'rounds', 'lost', 'of which told', 'CPU, ns/event', 'CPU/floor'];
    return [
      heading(`${number(count)} new flows at full speed`),
      renderTable(head, rows, markdown),
      verdict(count, samples[1] ?? [], samples[2] ?? [], floor),
    ].join('\n\n');
  });
  console.log(sections.join('\n\n'));
}

function verdict(count: number, watch: Sample[], blocked: Sample[], floor: number): string {
  const cpu = median(watch.map(cpuAnEvent)) / floor;
  const lost = Math.max(...[...watch, ...blocked].map(({ events }) => count - events));
  return (
    `Targets: none lost, ${lost === 0 ? 'met' : `missed by ${lost}`}; at most ${CPU_RATIO} of the ` +
    `floor's CPU an event, ${cpu <= CPU_RATIO ? 'met' : 'missed'}: ${cpu.toFixed(2)}.`
  );
}

function runTrial({ key, name }: EventListener, count: number): Sample {
  const trial = fileURLToPath(new URL('event-trial.js', import.meta.url));
  const { status, stdout, stderr } = spawnSync(
    'unshare',
    [...unshareFlags(), process.execPath, trial, key, String(count)],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`${name}: exit code ${status}\n${stderr}`);
  return JSON.parse(stdout) as Sample;
}

function cpuAnEvent({ cpuNanoseconds, events }: Sample): number {
  return cpuNanoseconds / events;
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const low = sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
  return (low + (sorted[sorted.length >> 1] ?? Number.NaN)) / 2;
}
