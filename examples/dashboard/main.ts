/**
 * Serves a live page of the table until Ctrl-C.
 *
 *   node out/examples/dashboard/main.js [--port 9466] [--host 127.0.0.1] [--name NAME]...
 *     [--netns NAME|PATH|PID] [--interval-ms 2000]
 */
import '../support/end-of-pipe.js';
import { once } from 'node:events';
import { type AddressInfo, isIPv6 } from 'node:net';
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { Conntrack } from 'conntrack';
import { namespaceNotice } from './namespace-watch.js';
import { Dashboard } from './server.js';

const USAGE =
  'usage: main.js [--port 9466] [--host 127.0.0.1] [--name NAME]... [--netns NAME|PATH|PID] ' +
  '[--interval-ms 2000]';

const ONLY_HERE =
  'Only this machine can open it: the page shows who talks to whom, and asks for no password.';
const FOR_OTHERS =
  'Whoever reaches this address sees who talks to whom: the page asks for no password.';

const isLoopback = (address: string) => address === '::1' || address.startsWith('127.');

function optionsOf() {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '9466' },
      host: { type: 'string', default: '127.0.0.1' },
      name: { type: 'string', multiple: true, default: [] },
      netns: { type: 'string' },
      'interval-ms': { type: 'string', default: '2000' },
    },
  });
  const port = Number(values.port);
  const intervalMs = Number(values['interval-ms']);
  if (!(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    throw new RangeError(`--port must be from 0 to 65535, not ${values.port}`);
  }
  if (!(intervalMs >= 200 && intervalMs <= 60_000)) {
    throw new RangeError(`--interval-ms must be from 200 to 60000, not ${values['interval-ms']}`);
  }
  return { ...values, port, intervalMs };
}

function readOptions(): ReturnType<typeof optionsOf> {
  try {
    return optionsOf();
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    process.exit(2);
  }
}

const { port, host, name, netns, intervalMs } = readOptions();
const stopped = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);

try {
  await using table = await open(netns);
  const dashboard = new Dashboard({
    table,
    title: netns === undefined ? hostname() : `${hostname()}, namespace ${netns}`,
    intervalMs,
    names: [host, ...name],
    ...(netns !== undefined && { notice: namespaceNotice(netns) }),
  });
  const { server } = dashboard;
  try {
    server.listen(port, host);
    await once(server, 'listening');
    const { address, port: chosen } = server.address() as AddressInfo;
    console.log(`http://${isIPv6(address) ? `[${address}]` : address}:${chosen}/`);
    if (isLoopback(address)) console.log(ONLY_HERE);
    else console.error(FOR_OTHERS);
    await stopped;
  } finally {
    await dashboard.close();
  }
} catch (error) {
  if (!(error instanceof Error && 'code' in error)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

function open(name: string | undefined): Promise<Conntrack> {
  if (name === undefined) return Conntrack.open();
  return Conntrack.open({ netns: /^\d+$/.test(name) ? { pid: Number(name) } : name });
}
