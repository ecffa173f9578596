/**
 * The command line.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

export interface SoakOptions {
  readonly seconds: number;
  /** Changes of the table a second, by another program. */
  readonly rate: number;
  readonly hostile: boolean;
  /** Bytes that are leaked each second, to see the verdict notice it. */
  readonly leak: number;
  /** The folder of the report. */
  readonly out: string;
}

const USAGE = `npm run soak -- [options]
  --seconds N     how long (3600)
  --rate N        changes of the table a second (600)
  --no-hostile    without hostile neighbours
  --leak N        leaks N bytes a second: the verdict must notice
  --out FOLDER    where report.html and samples.json go (out/soak)`;

export function parseOptions(args: string[]): SoakOptions {
  const { values } = parseArgs({
    args,
    allowNegative: true,
    options: {
      seconds: { type: 'string', default: '3600' },
      rate: { type: 'string', default: '600' },
      hostile: { type: 'boolean', default: true },
      leak: { type: 'string', default: '0' },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    process.exit();
  }
  return {
    seconds: integer(values.seconds, '--seconds', 30),
    rate: integer(values.rate, '--rate', 1),
    hostile: values.hostile,
    leak: integer(values.leak, '--leak', 0),
    out: values.out ?? join(fileURLToPath(new URL('.', import.meta.url))),
  };
}

function integer(text: string, option: string, least: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new Error(`${option}: "${text}" is no integer from ${least} on\n\n${USAGE}`);
}
