/**
 * The command line.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

export interface Options {
  /** Sizes of the table, ascending. */
  entries: number[];
  rounds: number;
  quick: boolean;
  json: string;
  markdown: boolean;
  /** Sizes of the bursts of events, ascending. */
  bursts: number[];
  eventsJson: string;
  deletesJson: string;
  requestsJson: string;
  mirrorJson: string;
  topJson: string;
  /** Of the trickle of events. */
  seconds: number;
  /** Which part runs; all when `undefined`. */
  only: Part | undefined;
}

const PARTS = ['reading', 'events', 'deletes', 'requests', 'mirror', 'top'] as const;
type Part = (typeof PARTS)[number];

const USAGE = `npm run bench -- [options]
  --only PART        reading, events, deletes, requests, mirror or top
  --entries N,N,...  sizes of the table (100000,250000,1000000)
  --bursts N,N,...   sizes of the bursts of events (200000,1000000)
  --rounds N         how often each trial runs (5)
  --quick            20,000 entries and events, one round: shows that everything runs
  --json FILE        where the figures of reading go (out/bench/reading.json)
  --events-json FILE where the figures of events go (out/bench/events.json)
  --deletes-json FILE where the figures of deletes go (out/bench/deletes.json)
  --requests-json FILE where the figures of requests go (out/bench/requests.json)
  --mirror-json FILE where the figures of mirrors go (out/bench/mirror.json)
  --top-json FILE    where the figures of top go (out/bench/top.json)
  --markdown         print tables as Markdown`;

export function parseOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string' },
      entries: { type: 'string' },
      bursts: { type: 'string' },
      'events-json': { type: 'string' },
      'deletes-json': { type: 'string' },
      'requests-json': { type: 'string' },
      'mirror-json': { type: 'string' },
      'top-json': { type: 'string' },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      markdown: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    process.exit();
  }
  const { quick, markdown } = values;
  const sizes = values.entries ?? (quick ? '20000' : '100000,250000,1000000');
  const bursts = values.bursts ?? (quick ? '20000' : '200000,1000000');
  const { only } = values;
  if (!isPart(only)) {
    throw new Error(`--only: "${only}" is no part\n\n${USAGE}`);
  }
  return {
    only,
    entries: sizesOf(sizes, '--entries'),
    bursts: sizesOf(bursts, '--bursts'),
    deletesJson: values['deletes-json'] ?? fileURLToPath(new URL('deletes.json', import.meta.url)),
    requestsJson:
      values['requests-json'] ?? fileURLToPath(new URL('requests.json', import.meta.url)),
    mirrorJson: values['mirror-json'] ?? fileURLToPath(new URL('mirror.json', import.meta.url)),
    topJson: values['top-json'] ?? fileURLToPath(new URL('top.json', import.meta.url)),
    seconds: quick ? 1 : 10,
    eventsJson: values['events-json'] ?? fileURLToPath(new URL('events.json', import.meta.url)),
    rounds: positiveInteger(values.rounds ?? (quick ? '1' : '5'), '--rounds'),
    quick,
    json: values.json ?? fileURLToPath(new URL('reading.json', import.meta.url)),
    markdown,
  };
}

function isPart(only: string | undefined): only is Part | undefined {
  return only === undefined || PARTS.some((part) => part === only);
}

function sizesOf(list: string, option: string): number[] {
  const sizes = list.split(',').map((size) => positiveInteger(size, option));
  return [...new Set(sizes)].sort((a, b) => a - b);
}

function positiveInteger(text: string, option: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`${option}: "${text}" is no positive integer\n\n${USAGE}`);
}
