/**
 * The report: one page with everything in it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { lineOf } from './growth.js';
import type { Ledger } from './ledger.js';
import type { SoakOptions } from './options.js';
import type { Sample } from './sampler.js';
import type { Tallies } from './tallies.js';
import type { Judgement, Rest } from './verdict.js';

export interface SoakResult {
  readonly options: SoakOptions;
  readonly judgements: readonly Judgement[];
  readonly tallies: Tallies;
  readonly ledger: Ledger;
  readonly rests: readonly Rest[];
  readonly samples: readonly Sample[];
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const textOf = (path: string) => readFileSync(`${root}/${path}`, 'utf8');

export function writeReport(path: string, result: SoakResult): void {
  const holds = result.judgements.every((judgement) => judgement.holds);
  const title = `Soak of conntrack: ${holds ? 'passed' : 'failed'}`;
  writeFileSync(
    path,
    `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${textOf('node_modules/uplot/dist/uPlot.min.css')}${textOf('test/soak/page/page.css')}</style>
<h1>Soak of conntrack: <span class="${holds ? 'good' : 'bad'}">${holds ? 'passed' : 'failed'}</span></h1>
<p>${subtitle(result)}</p>
<div class="figures">${figures(result)}</div>
<h2>Verdict</h2>
<table class="rows verdict">${result.judgements.map(judgementRow).join('')}</table>
${wrong(result)}
<h2>Course</h2>
<div class="plots"></div>
<h2>What ran</h2>
<div class="sides">
${countTable('activity', 'turns', result.tallies.turns)}
${countTable('error, provoked', 'times', result.tallies.errors)}
</div>
<script type="application/json" id="data">${data(result)}</script>
<script>${textOf('node_modules/uplot/dist/uPlot.iife.min.js')}</script>
<script type="module">${textOf('test/soak/page/plots.mjs')}</script>
</html>
`,
  );
}

function subtitle({ options }: SoakResult): string {
  const [processor] = cpus();
  const machine = `${cpus().length} x ${processor?.model ?? 'unknown'}`;
  return escaped(
    `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC, Linux ${release()}, ` +
      `Node.js ${process.version}, ${machine}; ` +
      `${options.hostile ? 'with' : 'without'} hostile neighbours` +
      (options.leak > 0 ? `, with a leak of ${count(options.leak)} bytes a second` : ''),
  );
}

function figures({ samples, rests, ledger, tallies }: SoakResult): string {
  const last = samples.at(-1);
  const turns = Object.values(tallies.turns).reduce((sum, each) => sum + each, 0);
  const changes = ledger.created + ledger.updated + ledger.ended;
  return [
    [duration(last?.second ?? 0), 'of everything at once'],
    [count(changes), 'changes of the exact table'],
    [count(last?.events ?? 0), 'events received'],
    [count(last?.lost ?? 0), 'events lost, and counted'],
    [count(last?.requests ?? 0), 'requests'],
    [count(turns), 'turns of activities'],
    [count(rests.length), 'rests, each compared'],
    [`${((100 * (last?.cpu ?? 0)) / (last?.second ?? 1)).toFixed(0)} %`, 'of one processor'],
  ]
    .map(([value, label]) => `<div class="figure"><b>${value}</b><span>${label}</span></div>`)
    .join('');
}

function judgementRow({ what, found, holds }: Judgement): string {
  const mark = `<td class="mark ${holds ? 'good' : 'bad'}">${holds ? 'yes' : 'no'}</td>`;
  const text = `${escaped(what)}<small>${escaped(found)}</small>`;
  return `<tr>${mark}<td>${text}</td><td>${escaped(found)}</td></tr>`;
}

function wrong({ rests, tallies }: SoakResult): string {
  const lines = [...rests.flatMap(({ problems }) => problems), ...tallies.failures];
  return lines.length === 0
    ? ''
    : `<h2>What went wrong</h2><pre>${escaped(lines.join('\n'))}</pre>`;
}

function countTable(name: string, unit: string, counts: Readonly<Record<string, number>>): string {
  const rows = Object.entries(counts)
    .sort(([, one], [, other]) => other - one)
    .map(([key, value]) => `<tr><td>${escaped(key)}<td class="number">${count(value)}</tr>`);
  return `<table class="rows"><tr><th>${name}<th class="number">${unit}</tr>${rows.join('')}</table>`;
}

function data({ samples, rests }: SoakResult): string {
  const points = (kind: 'held' | 'resident') =>
    rests.map((rest) => ({ second: rest.second, value: rest[kind] }));
  const moments = rests.map(({ second, held, resident }) => ({ second, held, resident }));
  const line = { held: lineOf(points('held')), resident: lineOf(points('resident')) };
  // No text of it can end the element.
  return JSON.stringify({ samples, rests: moments, line }).replaceAll('<', '\\u003c');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function duration(seconds: number): string {
  const minutes = seconds / 60;
  return minutes < 10 ? `${seconds.toFixed(0)} s` : `${minutes.toFixed(0)} min`;
}
