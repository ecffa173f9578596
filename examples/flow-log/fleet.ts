/**
 * A fleet on one machine: network namespaces that play hosts, with real traffic and an agent each, one
 * server with JetStream, and one consumer. In the middle the server is killed and started again, and
 * so is an agent. At the end JetStream is compared with what an independent listener saw on each host.
 *
 *   node out/examples/flow-log/fleet.js [--hosts 3] [--flows 30000] [--round 1000]
 */
import '../support/end-of-pipe.js';
import { parseArgs } from 'node:util';
import { INSIDE, runInPrivateNetwork } from '../support/private-network.js';
import { compareFleet } from './support/fleet-run.js';

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '3' },
    flows: { type: 'string', default: '30000' },
    round: { type: 'string', default: '1000' },
    [INSIDE]: { type: 'boolean' },
  },
});
const { hosts, flows, round } = values;

if (values[INSIDE] !== true) {
  process.exitCode = runInPrivateNetwork();
} else {
  const isExact = await compareFleet(Number(hosts), Number(flows), Number(round));
  process.exitCode = isExact ? 0 : 1;
}
process.exit();
