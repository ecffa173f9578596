/**
 * Counters and settings, in our own network namespace and in another one, with
 * privileges and without, beside what conntrack, /proc and sysctl say.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import {
  Conntrack,
  createEntry,
  createExpectation,
  type EntrySpec,
  type Finding,
  type FindingCode,
  flushExpectations,
  type PressureSample,
  readPressure,
  readSettings,
  readStats,
  SETTINGS,
  type TableSettings,
  type TableStats,
  writeSettings,
} from 'conntrack';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/core/limits.js';
import { COUNTER_LIST } from '../../src/health/counters.js';
import { run, setting, trackLoopback } from '../support/namespace.js';
import { OtherNetwork } from '../support/other-network.js';
import { describeInNamespace } from '../support/requirements.js';
import { exchangeUdp, sendPacket } from '../support/traffic.js';

const packageUrl = new URL('../../dist/index.js', import.meta.url).href;

/** Every right but CAP_NET_ADMIN. */
const WITHOUT_NET_ADMIN = ['--bounding-set=-net_admin', '--inh-caps=-net_admin', '--'];

const control: EntrySpec = {
  protocol: 'tcp',
  original: {
    source: '10.0.0.1',
    destination: '10.0.0.2',
    sourcePort: 40000,
    destinationPort: 21,
  },
  timeout: 600,
  helper: 'ftp',
};

/** What `conntrack -S` calls the counters. */
const TOOL_NAMES = new Map<string, string>(
  COUNTER_LIST.map(([name, { kernelName }]) => [kernelName, name]),
);

/** `cpu=0 found=1 ...`, a line for each processor. */
function parseTool(text: string): Record<string, number>[] {
  return text
    .trim()
    .split('\n')
    .map((line) =>
      Object.fromEntries(
        Array.from(line.matchAll(/(\w+)=(\d+)/g), ([, name = '', value]) => [
          TOOL_NAMES.get(name) ?? name,
          Number(value),
        ]),
      ),
    );
}

type Run = (command: string, ...args: string[]) => string;

/** What the tool and /proc say, as a reading would. */
function oracle(of: Run) {
  const entries = parseTool(of('conntrack', '-S'));
  const expectations = parseTool(of('conntrack', '-S', 'expect'));
  return {
    entries: Number(of('conntrack', '-C')),
    maxEntries: Number(of('cat', '/proc/sys/net/netfilter/nf_conntrack_max')),
    cpus: entries.map((cpu, index) => ({ ...cpu, ...expectations[index], other: {} })),
  };
}

describeInNamespace(
  'conntrack',
  'nft',
  'ip',
  'setpriv',
  'unshare',
)('statistics and settings', () => {
  let other: OtherNetwork;
  let elsewhere: Conntrack;

  beforeAll(async () => {
    other = await OtherNetwork.create();
    elsewhere = await Conntrack.open({ netns: { pid: other.pid } });
    trackLoopback();
    // One packet too short to be TCP is invalid, one answered flow is an entry.
    for (let i = 0; i < 3; i++) sendPacket(6, '127.0.0.1', '127.0.0.1', Buffer.of(1, 2));
    const [client, server] = [5353, 53].map((port) => ({ address: '127.0.0.1', port }));
    if (client !== undefined && server !== undefined) await exchangeUdp({ client, server });
    await createEntry(control);
    await createExpectation({
      protocol: 'tcp',
      tuple: { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: 0, destinationPort: 4000 },
      mask: { sourcePort: 0 },
      master: control.original,
    });
    await flushExpectations();
    for (let port = 1; port <= 5; port++) {
      await elsewhere.createEntry({
        ...control,
        original: { ...control.original, destinationPort: port },
      });
    }
  });

  afterAll(async () => {
    await elsewhere.close();
    await other[Symbol.asyncDispose]();
  });

  const places: [string, () => Promise<TableStats>, Run][] = [
    ['our own', () => readStats(), run],
    ['another', () => elsewhere.readStats(), (...args) => other.run(...args)],
  ];

  describe.each(places)('in %s namespace', (where, read, of) => {
    test('with CAP_NET_ADMIN: what conntrack -S and -C print', async () => {
      const { total, ...stats } = await read();
      expect(stats).toEqual({ source: 'netlink', ...oracle(of) });
      const own = where === 'our own';
      expect(total).toMatchObject({
        insert: own ? 1 : 5,
        // Each of the three is seen on its way out and on its way in.
        invalid: own ? 6 : 0,
        expectCreate: own ? 1 : 0,
        expectDelete: own ? 1 : 0,
      });
      expect(stats.entries).toBe(own ? 2 : 5);
    });

    test('without: the same, from /proc', async () => {
      const script = `import { readStats, readSettings } from '${packageUrl}';
        console.log(JSON.stringify([await readStats(), await readSettings()]));`;
      const args = [...WITHOUT_NET_ADMIN, process.execPath, '--input-type=module', '-e', script];
      const [unprivileged, settings] = JSON.parse(of('setpriv', ...args)) as [
        TableStats,
        TableSettings,
      ];
      const privileged = await read();
      expect(unprivileged).toEqual({ ...privileged, source: 'proc' });
      expect(settings.maxEntries).toBe(privileged.maxEntries);
    });
  });

  describe('the pressure', () => {
    /** What a child process reads, once `hide` has made files of /proc empty. */
    const sampleBehind = (hide: string, ...prefix: string[]) => {
      const script = `import { readPressure, readStats } from '${packageUrl}';
        console.log(JSON.stringify([await readPressure(), await readStats()]));`;
      const program = `${hide} exec "$@"`;
      const node = [process.execPath, '--input-type=module', '-e', script];
      const text = run('unshare', '-m', 'sh', '-c', program, 'sh', ...prefix, ...node);
      return JSON.parse(text) as [PressureSample, TableStats];
    };
    const hide = (...files: string[]) =>
      files.map((file) => `mount --bind /dev/null ${file} && `).join('');
    // That of the main thread.
    const HIDE_NET = 'mount -t tmpfs none /proc/$$/task/$$/net && ';
    const sysctl = (name: string) => `/proc/sys/net/netfilter/nf_conntrack_${name}`;

    test('is what readStats() and sysctl say, in both namespaces', async () => {
      const places = [
        [await readPressure(), await readStats(), run],
        [await elsewhere.readPressure(), await elsewhere.readStats(), other.run.bind(other)],
      ] as const;
      for (const [sample, { entries, maxEntries, total }, of] of places) {
        const buckets = Number(of('cat', sysctl('buckets')));
        expect(sample).toMatchObject({ entries, maxEntries, buckets });
        expect(sample.invalid).toEqual({ total: total.invalid });
        expect(sample.dropped).toEqual({ total: total.drop });
      }
    });

    test('without CAP_NET_ADMIN is the same', () => {
      const [sample, { source, entries, total }] = sampleBehind(
        '',
        'setpriv',
        ...WITHOUT_NET_ADMIN,
      );
      expect(source).toBe('proc');
      expect(sample).toMatchObject({ entries, invalid: { total: total.invalid } });
      expect(sample.buckets).toBeGreaterThan(0);
    });

    test('comes from netlink where /proc hides it, and what cannot be known is absent', () => {
      const files = [sysctl('count'), sysctl('max'), sysctl('buckets')];
      const [sample, { entries, maxEntries, total }] = sampleBehind(HIDE_NET + hide(...files));
      expect(sample).toMatchObject({ entries, maxEntries, invalid: { total: total.invalid } });
      expect(sample).not.toHaveProperty('buckets');
    });

    test('without CAP_NET_ADMIN has no counters where /proc hides them', () => {
      const [sample, { cpus, total }] = sampleBehind(
        HIDE_NET + hide(sysctl('buckets')),
        'setpriv',
        ...WITHOUT_NET_ADMIN,
      );
      expect({ cpus, total }).toEqual({ cpus: [], total: { other: {} } });
      for (const absent of ['buckets', 'dropped', 'invalid']) {
        expect(sample).not.toHaveProperty(absent);
      }
    });

    test('fails where neither tells how full the table is', () => {
      const hidden = hide(sysctl('count'));
      expect(() => sampleBehind(hidden, 'setpriv', ...WITHOUT_NET_ADMIN)).toThrow(
        'ERR_CONNTRACK_UNSUPPORTED',
      );
    });
  });

  test('a setting for each sysctl of this kernel, and the value that it prints', async () => {
    const folder = '/proc/sys/net/netfilter/';
    const sysctls = readdirSync(folder)
      .filter((name) => name.startsWith('nf_conntrack_') && name !== 'nf_conntrack_count')
      .map((name) => name.slice('nf_conntrack_'.length));
    // Of each kind, one that differs between the two.
    other.setting('udp_timeout', 77);
    other.setting('acct', 1);
    other.setting('events', 1);
    other.setting('log_invalid', 17);
    // Below the default: on 5.10 a namespace may not have more than the initial one.
    other.setting('frag6_high_thresh', 3_500_000);
    const places: [TableSettings, Run][] = [
      [await readSettings(), run],
      [await elsewhere.readSettings(), (...args) => other.run(...args)],
    ];
    for (const [settings, of] of places) {
      const known = Object.entries(SETTINGS).filter(([, { sysctl }]) => sysctls.includes(sysctl));
      expect(Object.keys(settings)).toEqual(known.map(([name]) => name));
      expect(known.map(([, { sysctl }]) => sysctl).sort()).toEqual(sysctls.sort());
      for (const [name, { sysctl }] of known) {
        const text = of('cat', `${folder}nf_conntrack_${sysctl}`).trim();
        const value = settings[name as keyof TableSettings];
        const printed =
          typeof value === 'string' ? ['off', 'on', 'auto'].indexOf(value) : Number(value);
        expect([name, String(printed)]).toEqual([name, text]);
      }
    }
    expect(places[1]?.[0]).toMatchObject({
      udpTimeout: 77,
      accounting: true,
      events: 'on',
      logInvalid: 17,
      ipv6FragmentHighBytes: 3_500_000,
    });
    expect(places[0]?.[0].udpTimeout).not.toBe(77);
  });

  test('settings are written where the handle is, and read back', async () => {
    const before = await readSettings();
    const changes = {
      accounting: false,
      timestamps: true,
      events: 'off',
      udpStreamTimeout: 99,
      tcpMaxRetrans: 7,
      ipv6FragmentLowBytes: 1_000_000,
    } as const;
    expect(await elsewhere.writeSettings(changes)).toMatchObject(changes);
    expect(other.setting('timestamp')).toBe('1');
    expect(other.setting('udp_timeout_stream')).toBe('99');
    expect(await readSettings()).toEqual(before);

    expect(await writeSettings({ accounting: true })).toEqual({ ...before, accounting: true });
    expect(setting('acct')).toBe('1');
    expect(other.setting('acct')).toBe('0');
    expect(await writeSettings({ accounting: before.accounting })).toEqual(before);
  });

  test.each(['maxEntries', 'buckets', 'maxExpectations'] as const)(
    '%s is read-only here, and the error says why',
    async (name) => {
      const refused = writeSettings({ accounting: true, [name]: 100_000 });
      await expect(refused).rejects.toMatchObject({ code: 'EACCES', syscall: 'open' });
      await expect(refused).rejects.toThrow(/applies to all network namespaces/);
      // The global ones stand first: nothing was changed.
      await expect(refused).rejects.toThrow(/Nothing was changed\./);
      expect(setting('acct')).toBe('0');
    },
  );

  test('what the kernel refuses is told, with what was written before', async () => {
    const refused = writeSettings({ timestamps: true, udpTimeout: 2 ** 31 - 1 });
    await expect(refused).rejects.toMatchObject({ code: 'EINVAL', syscall: 'write' });
    await expect(refused).rejects.toThrow(/Changed before: timestamps\./);
    expect(setting('timestamp')).toBe('1');
    await writeSettings({ timestamps: false });
  });

  /** What depends on settings that all namespaces share. */
  const OF_THE_MACHINE = new Set<FindingCode>(['few-buckets', 'receive-buffer-capped']);

  test('diagnose says what is off, in the namespace of the handle, and changes nothing', async () => {
    await elsewhere.writeSettings({ accounting: false, timestamps: true, events: 'on' });
    const state = async () => [await elsewhere.readSettings(), await elsewhere.readStats()];
    const before = await state();
    const findings = await elsewhere.diagnose();
    const codes = findings.map(({ code }) => code).filter((code) => !OF_THE_MACHINE.has(code));
    expect(codes).toEqual(['accounting-off']);
    expect(findings.find(({ code }) => code === 'accounting-off')).toMatchObject({
      evidence: { entriesWithout: await elsewhere.countEntries() },
    });
    expect(await state()).toEqual(before);
  });

  test('diagnose without CAP_NET_ADMIN says so', async () => {
    const script = `import { diagnose } from '${packageUrl}';
      console.log(JSON.stringify((await diagnose()).map(({ code }) => code)));`;
    const args = [...WITHOUT_NET_ADMIN, process.execPath, '--input-type=module', '-e', script];
    const codes = JSON.parse(run('setpriv', ...args)) as string[];
    expect(codes).toContain('privileges-missing');
    const isCapped = (await grantedToAnyone()) < LIMITS.receiveBufferBytes;
    expect(codes.includes('receive-buffer-capped')).toBe(isCapped);
    expect(codes).toContain('timestamps-off');
  });

  /** What net.core.rmem_max lets a socket have; 6.1 shows its file in the initial namespace alone. */
  async function grantedToAnyone(): Promise<number> {
    const socket = createSocket('udp4');
    socket.bind();
    await once(socket, 'listening');
    socket.setRecvBufferSize(LIMITS.receiveBufferBytes / 2); // the kernel doubles it
    const granted = socket.getRecvBufferSize();
    socket.close();
    return granted;
  }

  test('diagnose where no file tells of rmem_max measures what a socket is granted', async () => {
    const script = `import { diagnose } from '${packageUrl}';
      console.log(JSON.stringify(await diagnose()));`;
    const hide = 'mount -t tmpfs none /proc/sys/net/core && exec setpriv "$@"';
    const node = [process.execPath, '--input-type=module', '-e', script];
    const args = ['--mount', 'sh', '-c', hide, 'sh', ...WITHOUT_NET_ADMIN, ...node];
    const found = (JSON.parse(run('unshare', ...args)) as Finding[]).find(
      ({ code }) => code === 'receive-buffer-capped',
    );
    const granted = await grantedToAnyone();
    if (granted >= LIMITS.receiveBufferBytes) return;
    expect(found).toMatchObject({ setting: 'net.core.rmem_max', evidence: { granted } });
    expect(found).not.toHaveProperty('current');
  });

  test('diagnose where no rule needs the state: nothing is tracked', async () => {
    await using fresh = await OtherNetwork.create();
    const handle = await Conntrack.open({ netns: { pid: fresh.pid } });
    const codes = async () => (await handle.diagnose()).map(({ code }) => code);
    expect(await codes()).not.toContain('nothing-tracked');
    const send = `const s = require('dgram').createSocket('udp4'); s.send('x', 9, '127.0.0.1', () => s.close())`;
    fresh.run(process.execPath, '-e', send);
    expect(await codes()).toContain('nothing-tracked');
    fresh.run(
      'sh',
      '-c',
      `echo 'table ip t { chain o { type filter hook output priority 0; ct state new counter; }; }' | nft -f -`,
    );
    fresh.run(process.execPath, '-e', send);
    expect(await codes()).not.toContain('nothing-tracked');
    await handle.close();
  });

  test('diagnose: idle connections that a shorter timeout would free', async () => {
    await using fresh = await OtherNetwork.create();
    const handle = await Conntrack.open({ netns: { pid: fresh.pid } });
    // Idle for so many seconds: what is left of five days.
    const idle = [0, 100, 8000, 9000, 100_000, 200_000, 300_000, 400_000];
    const specs = idle.map((seconds, index) => ({
      ...control,
      original: { ...control.original, destinationPort: 100 + index },
      status: ['seenReply', 'assured'] as const,
      tcp: { state: 'ESTABLISHED' } as const,
      timeout: 432_000 - seconds,
    }));
    for (const { error } of await handle.createEntries(specs)) expect(error).toBeUndefined();
    const finding = (await handle.diagnose()).find(({ code }) => code.startsWith('established'));
    expect(finding).toMatchObject({
      severity: 'info',
      current: 432_000,
      suggested: 86_400,
      evidence: { entries: 8, established: 8, idle: 4, share: 0.5 },
    });
    await handle.close();
  });
});
