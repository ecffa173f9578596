/** Records of real flows: the database has what the kernel counted. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { flushEntries, listEntries, watchEvents } from 'conntrack';
import { beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { recordFlows, writeFlows } from '../../src/flow-log/flow-log.js';
import { runNode } from '../support/child.js';
import { nft, run, setting, trackLoopback } from '../support/namespace.js';
import { describeInNamespaceIf } from '../support/requirements.js';
import { ENGINE, folder, open } from './engine.js';

const SINK = 7;
const FLOWS = 400;

const missing = ENGINE === undefined ? 'no engine for SQLite: npm run test:sqlite' : undefined;

describeInNamespaceIf(
  missing,
  'conntrack',
  'nft',
  'ip',
)('flows of the kernel', () => {
  let sink: Socket;

  beforeAll(async () => {
    run('ip', 'link', 'set', 'lo', 'up');
    trackLoopback();
    for (const name of ['acct', 'timestamp', 'events']) setting(name, 1);
    sink = createSocket('udp4').bind(SINK, '127.0.0.1');
    await once(sink, 'listening');
  });

  beforeEach(async () => {
    await flushEntries();
  });

  async function senders(): Promise<() => Promise<void>> {
    const sockets = Array.from({ length: FLOWS }, () => createSocket('udp4').bind(0, '127.0.0.1'));
    await Promise.all(sockets.map((socket) => once(socket, 'listening')));
    onTestFinished(() => {
      for (const socket of sockets) socket.close();
    });
    return async () => {
      for (const [index, socket] of sockets.entries()) {
        for (let packet = 0; packet <= index % 3; packet++) {
          await new Promise((resolve) => {
            socket.send(Buffer.alloc(1 + (index % 700)), SINK, '127.0.0.1', resolve);
          });
        }
      }
    };
  }

  test('the sums are those of the DESTROY events, part by part', async () => {
    await using database = await open();
    const events = watchEvents({ events: ['destroy'] });
    const recorder = recordFlows({ interval: '1s' });
    const writing = writeFlows(recorder, database);
    const kernel = { packets: 0, bytes: 0 };
    let ended = 0;
    const counting = (async () => {
      for await (const event of events) {
        if (event.type !== 'destroy') continue;
        kernel.packets += event.entry.counters?.original.packets ?? 0;
        kernel.bytes += event.entry.counters?.original.bytes ?? 0;
        ended++;
      }
    })();
    const send = await senders();
    const sums = () => {
      const [talker] = database.topTalkers({ by: 'protocol' });
      return { ended: talker?.ended ?? 0, parts: talker?.parts ?? 0, ...talker?.traffic.original };
    };
    // Each flow has an open part at least, and traffic after it.
    for (let round = 0; round < 3; round++) {
      await send();
      await expect.poll(() => sums().parts, { timeout: 30_000 }).toBeGreaterThanOrEqual(FLOWS);
    }
    expect(await listEntries()).toHaveLength(FLOWS);
    await flushEntries();
    await expect.poll(() => ended, { timeout: 30_000 }).toBe(FLOWS);
    await expect.poll(() => sums().ended, { timeout: 30_000 }).toBe(FLOWS);
    expect(sums()).toEqual({ ended: FLOWS, parts: sums().parts, ...kernel });
    expect(sums().parts).toBeGreaterThanOrEqual(2 * FLOWS);
    // The total of a last part is what the kernel counted of it.
    const flows = [...database.flows({ address: '127.0.0.1' })];
    const last = flows.filter(({ outcome }) => outcome !== 'open');
    const totals = last.reduce((sum, { total }) => sum + (total?.original.bytes ?? 0), 0);
    expect(totals).toBe(kernel.bytes);
    expect(new Set(flows.map(({ flow, part }) => `${flow}/${part}`)).size).toBe(sums().parts);
    for await (const _ of (await database.history())?.open ?? []) expect.unreachable();
    await recorder.close();
    expect(await writing).toBe(sums().parts + database.notes().length);
    await events.close();
    await counting;
  });

  test('the example: recorded in a worker thread, read in the main one', async () => {
    const send = await senders();
    await send();
    const example = fileURLToPath(
      new URL('../../out/examples/flow-log-sqlite.js', import.meta.url),
    );
    const path = join(folder(), 'flows.db');
    const { code, stdout, stderr } = await runNode([example, path, '3']);
    expect(stderr.replace(/.*(ExperimentalWarning|trace-warnings).*\n/g, '')).toBe('');
    expect(code).toBe(0);
    const [, parts] = /^127\.0\.0\.1 (\d+) records \d+ 0 bytes\n$/.exec(stdout) ?? [stdout];
    expect(Number(parts)).toBe(FLOWS);
    await using database = await open({ path, readOnly: true });
    expect([...database.flows()]).toHaveLength(FLOWS);
  });

  test('the recipe behind-nat: the host that had a public address and port then', async () => {
    nft(`table ip nat { chain postrouting {
      type nat hook postrouting priority 100;
      ip saddr 127.0.7.7 udp dport ${SINK} snat to 127.0.0.99:61000;
    }
    }`);
    onTestFinished(() => {
      nft('delete table ip nat');
    });
    const path = join(folder(), 'flows.db');
    const database = await open({ path });
    const recorder = recordFlows();
    const writing = writeFlows(recorder, database);
    const socket = createSocket('udp4').bind(4000, '127.0.7.7');
    await once(socket, 'listening');
    await new Promise((resolve) => {
      socket.send('x', SINK, '127.0.0.1', resolve);
    });
    socket.close();
    await flushEntries();
    recorder.finish();
    await writing;
    await database[Symbol.asyncDispose]();

    const recipe = fileURLToPath(
      new URL('../../out/examples/recipes/behind-nat.js', import.meta.url),
    );
    const ask = async (time: number) => {
      const when = new Date(time).toISOString();
      const { stdout } = await runNode([recipe, '127.0.0.99', '61000', when, path]);
      return stdout;
    };
    expect(await ask(Date.now())).toMatch(
      /^udp 127\.0\.7\.7 4000 -> 127\.0\.0\.1 7 \S+Z - \S+Z\n$/,
    );
    // An hour before it had not begun, an hour later it has ended.
    expect(await ask(Date.now() - 3_600_000)).toBe('');
    expect(await ask(Date.now() + 3_600_000)).toBe('');
  });
});
