/**
 * The same traffic recorded by ulogd2, with its NFCT input and a file, as a peer.
 */
import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { MARK } from './comparison.js';
import { needOf } from './endurance.js';
import { becomeHub, Host } from './host.js';
import { LAST, Listener } from './listener.js';
import { runTraffic } from './programs.js';

const PLUGINS = ['inpflow_NFCT', 'filter_IP2STR', 'filter_PRINTFLOW', 'output_LOGEMU'];

const configOf = (folder: string, plugins: string) => `[global]
logfile="${folder}/log"
loglevel=5
${PLUGINS.map((name) => `plugin="${plugins}/ulogd_${name}.so"`).join('\n')}
stack=ct1:NFCT,ip2str1:IP2STR,print1:PRINTFLOW,emu1:LOGEMU
[ct1]
event_mask=0x00000004
hash_enable=0
[emu1]
file="${folder}/flows"
sync=0
`;

/** Prints how many of the flows that a listener saw ulogd has written, and what it needed. */
export async function measureUlogd(flows: number, round: number): Promise<void> {
  await becomeHub();
  const folder = await mkdtemp(join(tmpdir(), 'ulogd-'));
  const config = join(folder, 'ulogd.conf');
  await writeFile(config, configOf(folder, await pluginFolder()));
  const [host, other] = await Promise.all([Host.create(1), Host.create(2)]);
  const listener = await Listener.start(host);
  const ulogd = host.start('ulogd', '-c', config);
  ulogd.stderr.pipe(process.stderr, { end: false });
  ulogd.stdout.resume();
  try {
    await setTimeout(1000);
    const traffic = await runTraffic(host, [other], round);
    const began = performance.now();
    while (listener.count < flows) await setTimeout(20);
    await traffic.finish();
    await host.mark(MARK, LAST);
    while (!listener.hasEnded) await setTimeout(20);
    const seconds = (performance.now() - began) / 1000;
    const { cpuSeconds, mebibytes } = await needOf(ulogd.pid ?? 0);
    ulogd.kill('SIGTERM');
    await setTimeout(1000);
    const seen = (await listener.flows()).length;
    let written = 0;
    const lines = createInterface(createReadStream(join(folder, 'flows')));
    for await (const line of lines) if (line.includes('[DESTROY]')) written++;
    console.log(
      `${(seen / seconds).toFixed(0)} flows/s; ulogd: ${cpuSeconds.toFixed(1)} s of processor, ` +
        `${mebibytes.toFixed(0)} MiB\n` +
        `ended, as a listener saw: ${seen}\nwritten by ulogd:         ${written}`,
    );
  } finally {
    await listener.close();
    for (const one of [host, other]) one.close();
    await rm(folder, { recursive: true });
  }
}

async function pluginFolder(): Promise<string> {
  for (const folder of await readdir('/usr/lib')) {
    const found = await readdir(`/usr/lib/${folder}/ulogd`).catch(() => []);
    if (found.length > 0) return `/usr/lib/${folder}/ulogd`;
  }
  throw new Error('ulogd2 is not installed (apt-get install ulogd2)');
}
