/**
 * A host whose flows go into files or a database, compared with what an independent listener saw. In
 * the middle its agent is killed and started again; with `--tiny` it has a receive buffer of 16 KiB
 * instead, and loses events.
 *
 *   node out/examples/flow-log/sinks.js files|sqlite|jetstream [--flows 30000] [--round 1000] [--tiny]
 *   node out/examples/flow-log/sinks.js ulogd [--flows 30000] [--round 1000]    a peer on the same load
 *
 * Without a comparison: what the agent needs for ten minutes, and how many flows a second it keeps up with.
 *
 *   node out/examples/flow-log/sinks.js files|sqlite|jetstream|otlp --minutes 10 [--round 1000]
 *   node out/examples/flow-log/sinks.js files|sqlite|jetstream|otlp --limit
 */
import '../support/end-of-pipe.js';
import { parseArgs } from 'node:util';
import { INSIDE, runInPrivateNetwork } from '../support/private-network.js';
import { findLimit, measureSink } from './support/endurance.js';
import { compareSink } from './support/sink-run.js';
import { measureUlogd } from './support/ulogd.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    flows: { type: 'string', default: '30000' },
    round: { type: 'string', default: '1000' },
    tiny: { type: 'boolean', default: false },
    minutes: { type: 'string' },
    limit: { type: 'boolean', default: false },
    [INSIDE]: { type: 'boolean' },
  },
});
const { flows, round, tiny, minutes, limit } = values;

if (values[INSIDE] !== true) {
  process.exitCode = runInPrivateNetwork();
} else {
  const [kind = 'files'] = positionals;
  if (kind === 'ulogd') await measureUlogd(Number(flows), Number(round));
  else if (limit) await findLimit(kind);
  else if (minutes !== undefined) await measureSink(kind, Number(minutes), Number(round));
  else {
    const isExact = await compareSink(kind, Number(flows), Number(round), tiny);
    process.exitCode = isExact ? 0 : 1;
  }
}
process.exit();
