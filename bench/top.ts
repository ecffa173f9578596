/**
 * `top` over a large table that changes: its CPU time, its memory, and how long a key press takes to
 * change the screen.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describeMachine } from './machine.js';
import { native } from './native.js';
import { populate } from './programs.js';
import { type Cell, renderTable } from './table.js';

export interface TopBenchOptions {
  entries: number;
  /** Changes a second, and the entries that come and go. */
  rate: number;
  spare: number;
  /** How often keys are pressed. */
  presses: number;
  json: string;
  markdown: boolean;
}

const options = JSON.parse(process.argv[2] ?? '') as TopBenchOptions;
const { entries, rate, spare, presses, json, markdown } = options;

const EXECUTABLE = fileURLToPath(new URL('../../dist/bin/conntrack-js.js', import.meta.url));
/** A text of the help, and one of the rows. */
const HELP = 'sort by rate';
const ROWS = 'PROTO';
const TICK_MS = 10;

/** populate gives each source address 60,000 flows: those that come and go have others. */
const first = 60_000 * Math.ceil(entries / 60_000);

/** Everything that the program writes to its terminal. */
class Terminal {
  readonly #child: ChildProcess;
  #text = '';
  #changed: () => void = () => undefined;

  constructor(line: string) {
    this.#child = spawn('script', ['-qefc', `stty cols 120 rows 40; ${line}`, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, TERM: 'xterm' },
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#text += text;
      this.#changed();
    });
  }

  /** Milliseconds until the program writes a text. */
  async press(key: string, text: string): Promise<number> {
    this.#text = '';
    const start = performance.now();
    this.#child.stdin?.write(key);
    while (!this.#text.includes(text)) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
    return performance.now() - start;
  }

  /** The process of the program. */
  get pid(): number {
    const found = readdirSync('/proc').find((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0')[1] === EXECUTABLE;
      } catch {
        return false;
      }
    });
    if (found === undefined) throw new Error('top does not run');
    return Number(found);
  }

  async close(): Promise<void> {
    const closed = once(this.#child, 'close');
    this.#child.stdin?.write('q');
    await closed;
  }
}

/** Of all threads, in seconds. */
function cpuSeconds(pid: number): number {
  const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  const [user, system] = fields.split(' ').slice(11, 13).map(Number);
  return ((user ?? 0) + (system ?? 0)) * (TICK_MS / 1000);
}

function peakMebibytes(pid: number): number {
  const [, kibibytes] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) / 1024;
}

async function measure() {
  const terminal = new Terminal(`'${process.execPath}' '${EXECUTABLE}' top`);
  await terminal.press('', ROWS);
  // Readings that measure rates have begun.
  await setTimeout(2000);
  const { pid } = terminal;
  const cpu = cpuSeconds(pid);
  const start = performance.now();
  const delays: number[] = [];
  for (let press = 0; press < presses; press++) {
    // At any moment of a reading.
    await setTimeout(100 + Math.random() * 300);
    delays.push(await terminal.press('?', press % 2 === 0 ? HELP : ROWS));
  }
  const seconds = (performance.now() - start) / 1000;
  const share = (cpuSeconds(pid) - cpu) / seconds;
  const peak = peakMebibytes(pid);
  await terminal.close();
  delays.sort((one, other) => one - other);
  const at = (part: number) => delays[Math.floor((delays.length - 1) * part)] ?? Number.NaN;
  return { share, peak, median: at(0.5), p95: at(0.95), most: at(1) };
}

console.error(`top over ${entries} flows`);
spawnSync('sysctl', ['-qw', 'net.netfilter.nf_conntrack_acct=1']);
populate(entries, 0);
const still = await measure();
const churn = spawn(native('churn'), [rate, spare, first].map(String), {
  stdio: ['ignore', 'pipe', 'inherit'],
});
let printed = '';
churn.stdout.setEncoding('utf8').on('data', (text: string) => {
  printed += text;
});
const changing = await measure();
const ended = once(churn, 'close');
churn.kill('SIGTERM');
await ended;

const reached = Number(printed);
mkdirSync(dirname(json), { recursive: true });
const report = { machine: describeMachine(), options, reached, still, changing };
writeFileSync(json, `${JSON.stringify(report, undefined, 2)}\n`);

const count = (value: number) => value.toLocaleString('en-US');
const row = (what: string, { share, peak, median, p95, most }: typeof still): Cell[] => [
  what,
  `${Math.round(share * 100)} %`,
  peak.toFixed(0),
  ...[median, p95, most].map((delay) => delay.toFixed(1)),
];
const heading = `top over ${count(entries)} flows`;
console.log(
  [
    markdown ? `### ${heading}` : heading.toUpperCase(),
    renderTable(
      ['the table', 'of a processor', 'peak MiB', 'key press, ms, median', '95 %', 'at most'],
      [row('stands still', still), row(`${count(Math.round(reached))} changes a second`, changing)],
      markdown,
    ),
  ].join('\n\n'),
);
