/**
 * What the agent of one host and the server need, for as long as traffic goes on.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { becomeHub, Host, HUB } from './host.js';
import { Agent, Traffic } from './members.js';
import { NatsServer } from './nats-server.js';
import { createStream } from './stream.js';

const STEP_MS = 15_000;
const TICKS_PER_SECOND = 100;

export async function measureAgent(minutes: number, round: number): Promise<void> {
  await becomeHub();
  await using server = await NatsServer.start(HUB);
  const connection = await connect({ servers: server.address });
  await createStream(connection);
  const { streams } = await jetstreamManager(connection);
  const [host, sink] = await Promise.all([Host.create(1), Host.create(2)]);
  const agent = await Agent.start(host, server.address);
  const traffic = new Traffic(host, [sink], round);
  const began = performance.now();
  console.log('time/s  records/s  agent CPU  MiB  server CPU  MiB  load');
  let before = { messages: 0, agent: await needOf(agent.pid), server: await needOf(server.pid) };
  let time = began;
  while (performance.now() - began < minutes * 60_000) {
    await setTimeout(STEP_MS);
    const { state } = await streams.info('FLOWS');
    const seconds = (performance.now() - time) / 1000;
    time = performance.now();
    const now = {
      messages: state.messages,
      agent: await needOf(agent.pid),
      server: await needOf(server.pid),
    };
    const share = (of: 'agent' | 'server') =>
      `${((100 * (now[of].cpuSeconds - before[of].cpuSeconds)) / seconds).toFixed(0)} %`;
    console.log(
      [
        ((time - began) / 1000).toFixed(0).padStart(6),
        ((now.messages - before.messages) / seconds).toFixed(0).padStart(9),
        share('agent').padStart(9),
        now.agent.mebibytes.toFixed(0).padStart(3),
        share('server').padStart(10),
        now.server.mebibytes.toFixed(0).padStart(3),
        (await readFile('/proc/loadavg', 'utf8')).split(' ', 1)[0],
      ].join('  '),
    );
    before = now;
  }
  await traffic.end();
  const { state } = await streams.info('FLOWS');
  const size = (state.bytes / state.messages).toFixed(0);
  console.log(`${state.messages} messages, ${size} bytes each in the store`);
  await agent.end('SIGTERM');
  for (const one of [host, sink]) one.close();
  await connection.close();
}

/** Processor time and resident memory of a process. */
export async function needOf(pid: number): Promise<{ cpuSeconds: number; mebibytes: number }> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kibibytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    mebibytes: kibibytes / 1024,
  };
}
