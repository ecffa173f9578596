/**
 * A table that real traffic fills to its maximum: what the samples and the diagnosis say.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import {
  diagnose,
  flushEntries,
  type PressureSample,
  readPressure,
  watchPressure,
} from 'conntrack';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run, setting, trackLoopback } from '../support/namespace.js';
import { describeInNamespaceIf } from '../support/requirements.js';
import { changeableLimit, setLimit } from './table-limit.js';

const LIMIT = 400;
const ADDRESS = '127.0.0.1';

const limit = changeableLimit();

describeInNamespaceIf(
  typeof limit === 'number' ? undefined : limit,
  'nft',
  'conntrack',
)('a table that is full', () => {
  let putBack: () => Promise<void>;
  let socket: Socket;
  let server: Server;

  beforeAll(async () => {
    trackLoopback();
    setting('tcp_loose', 0); // what is left of a connection makes no new entry
    putBack = await setLimit(limit as number, LIMIT);
    socket = createSocket('udp4');
    socket.bind(0, ADDRESS);
    await once(socket, 'listening');
    server = createServer();
    server.listen(0, ADDRESS);
    await once(server, 'listening');
  });

  afterAll(async () => {
    await putBack();
    socket.close();
    server.close();
    expect(Number(setting('max'))).toBe(limit);
  });

  /** A flow that nobody answers, so that it is not assured; the error of sending, if any. */
  function send(port: number): Promise<string | undefined> {
    return new Promise((resolve) => {
      socket.send('x', port, ADDRESS, (error: NodeJS.ErrnoException | null) => {
        resolve(error?.code);
      });
    });
  }

  async function sendMany(first: number, count: number): Promise<(string | undefined)[]> {
    const errors: (string | undefined)[] = [];
    for (let port = first; port < first + count; port++) errors.push(await send(port));
    return errors;
  }

  /** What `conntrack -S` counts, over all processors. */
  const counted = (name: string) =>
    Array.from(run('conntrack', '-S').matchAll(new RegExp(`\\b${name}=(\\d+)`, 'g')), ([, count]) =>
      Number(count),
    ).reduce((sum, count) => sum + count, 0);

  test('levels, forecast, early drops and drops follow, and diagnose names the cause', async () => {
    // Port unreachable makes no entry of its own: each datagram is one.
    expect(Number(readFileSync('/proc/sys/net/netfilter/nf_conntrack_max', 'utf8'))).toBe(LIMIT);
    await flushEntries();
    const samples = watchPressure({ intervalMs: 100 });
    const next = async () => {
      const { value } = await samples.next();
      return value as PressureSample;
    };
    expect(await next()).toMatchObject({ entries: 0, maxEntries: LIMIT, level: 'normal' });
    expect((await diagnose()).map(({ code }) => code)).not.toContain('table-near-full');

    await sendMany(10_000, 200);
    const half = await next();
    expect(half).toMatchObject({ entries: 200, utilization: 0.5, level: 'normal' });
    // As many again in the time that these took.
    expect(half.secondsUntilFull).toBeCloseTo(half.intervalSeconds ?? 0, 5);

    await sendMany(10_200, 100);
    const elevated = await next();
    expect(elevated).toMatchObject({ entries: 300, level: 'elevated' });
    expect(elevated.secondsUntilFull).toBeCloseTo(elevated.intervalSeconds ?? 0, 5);

    await sendMany(10_300, 60);
    expect(await next()).toMatchObject({ entries: 360, level: 'critical' });
    expect(await diagnose()).toContainEqual(
      expect.objectContaining({ code: 'table-near-full', severity: 'critical', current: LIMIT }),
    );

    // Flows that nobody has answered make room for new ones, where the kernel finds one: it looks
    // into eight buckets, of which there are as many as the machine has set.
    let port = 10_360;
    let crowded: PressureSample;
    do {
      await sendMany(port, 200);
      port += 200;
      crowded = await next();
    } while (crowded.earlyDropped?.delta === 0 && port < 60_000);
    expect(crowded.utilization).toBeGreaterThan(0.95);
    expect(crowded.earlyDropped?.total).toBe(counted('early_drop'));
    expect(crowded.earlyDropped?.delta).toBeGreaterThan(0);
    const early = (await diagnose()).find(({ code }) => code === 'early-drops');
    expect(early).toMatchObject({ severity: 'warning', suggested: 2 * LIMIT });

    // Flows that are assured do not.
    await flushEntries();
    expect((await next()).level).toBe('normal');
    const { port: listening } = server.address() as { port: number };
    const clients = Array.from({ length: LIMIT }, () => connect(listening, ADDRESS));
    await Promise.all(clients.map((client) => once(client, 'connect')));
    const assured = await next();
    expect(assured).toMatchObject({ entries: LIMIT, utilization: 1, level: 'critical' });
    const errors = await sendMany(20_000, 50);
    expect(new Set(errors)).toEqual(new Set(['EPERM']));
    const full = await next();
    expect(full.dropped?.total).toBe(counted('drop'));
    expect(full.dropped?.delta).toBe(50);
    expect(full.dropped?.perSecond).toBeGreaterThan(0);
    expect(full.entries).toBe(LIMIT);
    const findings = await diagnose();
    expect(findings[0]?.severity).toBe('critical');
    const dropped = findings.find(({ code }) => code === 'packets-dropped');
    expect(dropped).toMatchObject({
      evidence: { dropped: counted('drop') },
      setting: 'net.netfilter.nf_conntrack_max',
      suggested: 2 * LIMIT,
    });

    // While it drops, that is more than a warning.
    const looking = diagnose();
    const looked = new AbortController();
    void looking.finally(() => {
      looked.abort();
    });
    while (!looked.signal.aborted) {
      await send(30_000);
      await turn(); // a refusal comes without one
    }
    const now = (await looking).find(({ code }) => code === 'packets-dropped');
    expect(now?.severity).toBe('critical');
    expect(now?.evidence.justNow).toBeGreaterThan(0);
    const later = (await diagnose()).find(({ code }) => code === 'packets-dropped');
    expect(later).toMatchObject({ severity: 'warning', evidence: { justNow: 0 } });

    for (const client of clients) client.destroy();
    await flushEntries();
    expect(await readPressure()).toMatchObject({ level: 'normal', entries: 0 });
    await samples.return(undefined);
  });
});
