/** Records of real flows: the database has what the kernel counted. */
import { spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
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

  const program = (name: string) =>
    fileURLToPath(new URL(`../../out/examples/${name}.js`, import.meta.url));
  const ENGINE_WARNING = /.*(ExperimentalWarning|trace-warnings).*\n/g;
  const FINISHED = 'The recorder was asked to end. Flows that end from here on have no record.\n';

  test('the example: recorded in a worker thread, read in the main one', async () => {
    const send = await senders();
    await send();
    const path = join(folder(), 'flows.db');
    const { code, stdout, stderr } = await runNode([program('flow-log-sqlite'), path, '0.5']);
    expect(stderr.replace(ENGINE_WARNING, '')).toBe(FINISHED);
    expect(code).toBe(0);
    const [, parts] =
      /^recording into .*\n127\.0\.0\.1 records: (\d+) bytes sent: \d+ got: 0\n$/.exec(stdout) ??
      [];
    expect(Number(parts), stdout).toBe(FLOWS);
    // Without its log.
    const copy = join(folder(), 'flows.db');
    copyFileSync(path, copy);
    await using database = await open({ path: copy, readOnly: true });
    expect([...database.flows()]).toHaveLength(FLOWS);
  });

  test('the example: until a signal; reports what is off', async () => {
    const path = join(folder(), 'flows.db');
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      setting('acct', 0);
      const child = spawn(process.execPath, [program('flow-log-sqlite'), path]);
      onTestFinished(() => {
        child.kill('SIGKILL');
        setting('acct', 1);
      });
      const errors = text(child.stderr);
      let stdout = '';
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        stdout += chunk;
      });
      const exited = once(child, 'close');
      await expect.poll(() => stdout, { timeout: 30_000 }).toMatch(/Ctrl-C ends it\n$/);
      child.kill(signal);
      expect(await exited).toEqual([0, null]);
      expect(await errors).toContain('Set net.netfilter.nf_conntrack_acct to 1');
      expect(stdout).toContain('\nno flow of the last hour was recorded\n');
    }
  });

  test('the example: wrong arguments, and a folder that is missing', async () => {
    const path = join(folder(), 'flows.db');
    const wrong = [['abc'], ['2592000'], ['1', 'more']].map((args) => [path, ...args]);
    for (const args of [...wrong, ['--help']]) {
      expect(await runNode([program('flow-log-sqlite'), ...args])).toMatchObject({
        code: 2,
        stdout: '',
        stderr: 'usage: flow-log-sqlite [file] [seconds, 2147483 at most]\n',
      });
    }
    expect(existsSync(path)).toBe(false);
    const nowhere = join(folder(), 'nowhere/flows.db');
    const { code, stderr } = await runNode([program('flow-log-sqlite'), nowhere]);
    expect(code).toBe(1);
    expect(stderr).toContain('nowhere/flows.db cannot be opened: ');
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  /** NAT to 127.0.0.99:61000, and a question about it. */
  function translated(path: string) {
    nft(`table ip nat { chain postrouting {
      type nat hook postrouting priority 100;
      ip saddr 127.0.7.7 udp dport ${SINK} snat to 127.0.0.99:61000;
    }
    }`);
    onTestFinished(() => {
      nft('delete table ip nat');
    });
    return async (time = Date.now()) => {
      const when = new Date(time).toISOString();
      const args = [program('recipes/behind-nat'), '127.0.0.99', '61000', when, path];
      const { stdout, stderr, code } = await runNode(args);
      expect(code).toBe(stdout === '' ? 1 : 0);
      return { stdout, stderr: stderr.replace(ENGINE_WARNING, '') };
    };
  }

  async function sendTranslated(): Promise<void> {
    const socket = createSocket('udp4').bind(4000, '127.0.7.7');
    await once(socket, 'listening');
    await new Promise((resolve) => {
      socket.send('x', SINK, '127.0.0.1', resolve);
    });
    socket.close();
  }

  const FLOW = '^udp 127\\.0\\.7\\.7 4000 -> 127\\.0\\.0\\.1 7 \\S+Z - ';

  test('the recipe behind-nat: the host that had a public address and port then', async () => {
    const path = join(folder(), 'flows.db');
    const ask = translated(path);
    const database = await open({ path });
    const recorder = recordFlows();
    const writing = writeFlows(recorder, database);
    await sendTranslated();
    const sent = Date.now();
    await flushEntries();
    recorder.finish();
    await writing;
    const ended = Date.now();
    await database.close();

    const early = `${path} has no record of that time or before: flows may be missing\n`;
    expect(await ask(sent)).toEqual({
      stdout: expect.stringMatching(`${FLOW}\\S+Z\\n$`) as unknown,
      stderr: early,
    });
    expect((await ask(ended)).stderr).toBe('');
    // The clock of the report may be wrong by a minute, and by no hour.
    expect((await ask(ended - 30_000)).stdout).toMatch(/Z \(began \d+ s after that time\)\n$/);
    expect((await ask(ended + 30_000)).stdout).toMatch(/Z \(ended \d+ s before that time\)\n$/);
    const nothing = `no flow found in the table and in ${path}\n`;
    expect(await ask(ended - 3_600_000)).toEqual({ stdout: '', stderr: early + nothing });
    const { stdout, stderr } = await ask(ended + 3_600_000);
    expect(stdout).toBe('');
    const [late = '', ...others] = stderr.split(/^(?=no flow)/m);
    expect(late).toMatch(
      /flows\.db is known to be complete until \S+Z: later flows may be missing\n$/,
    );
    expect(others).toEqual([nothing]);
  });

  test('the recipe behind-nat: flows whose end the recorder has missed', async () => {
    const path = join(folder(), 'flows.db');
    const ask = translated(path);
    const recordFor = async (resume?: boolean) => {
      await using database = await open({ path });
      const recorder = recordFlows({ interval: '1h', ...(resume && { resume: database }) });
      const writing = writeFlows(recorder, database);
      if (!resume) await sendTranslated();
      recorder.finish();
      await writing;
    };
    await recordFor();
    const recorded = Date.now();
    const one = new RegExp(`${FLOW}open\\n$`);
    expect((await ask()).stdout).toMatch(one);
    // It is in the table no longer, and open in the database, also a day later.
    await flushEntries();
    const lastSeen = new RegExp(`${FLOW}unknown, last seen \\S+Z\\n$`);
    expect((await ask()).stdout).toMatch(lastSeen);
    expect((await ask(Date.now() + 86_400_000)).stdout).toMatch(lastSeen);
    expect((await ask(Date.now() - 86_400_000)).stdout).toBe('');
    // The next recorder finds that it has ended.
    await recordFor(true);
    const after = await ask(recorded);
    expect(after.stdout).toMatch(lastSeen);
    expect((await ask(Date.now() + 86_400_000)).stdout).toBe('');
    expect(after.stderr).toMatch(/^no recorder ran from \S+Z to \S+Z: flows .* may be missing\n$/);
  });
});
