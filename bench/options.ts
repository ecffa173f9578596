/**
 * The command line.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

export interface Options {
  /** Sizes of the table, ascending. */
  entries: number[];
  rounds: number;
  json: string;
  markdown: boolean;
}

const USAGE = `npm run bench -- [options]
  --entries N,N,...  sizes of the table (100000,250000,1000000)
  --rounds N         how often each trial runs (5)
  --quick            20,000 entries, one round: shows that everything runs
  --json FILE        where the figures go (out/bench/reading.json)
  --markdown         print tables as Markdown`;

export function parseOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      entries: { type: 'string' },
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
  const entries = sizes.split(',').map((size) => positiveInteger(size, '--entries'));
  return {
    entries: [...new Set(entries)].sort((a, b) => a - b),
    rounds: positiveInteger(values.rounds ?? (quick ? '1' : '5'), '--rounds'),
    json: values.json ?? fileURLToPath(new URL('reading.json', import.meta.url)),
    markdown,
  };
}

function positiveInteger(text: string, option: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`${option}: "${text}" is no positive integer\n\n${USAGE}`);
}
