/**
 * Timeout policies and default timeouts of the real kernel, with nfct as an oracle, and rules that
 * attach them.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import {
  Conntrack,
  createTimeoutPolicy,
  deleteTimeoutPolicy,
  type Family,
  getTimeoutPolicy,
  listEntries,
  listTimeoutPolicies,
  readDefaultTimeouts,
  readSettings,
  SETTINGS,
  TIMEOUT_STATES,
  type TimeoutPolicy,
  type TimeoutProtocol,
  type TimeoutState,
  type Timeouts,
  updateTimeoutPolicy,
  writeDefaultTimeouts,
  writeSettings,
} from 'conntrack';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { nft, run, setting, trackLoopback } from '../support/namespace.js';
import {
  addWithNfct,
  defaultsOfNfct,
  deleteWithNfct,
  getWithNfct,
  listWithNfct,
  NFCT_STATES,
  setDefaultsWithNfct,
} from '../support/nfct-tool.js';
import { OtherNetwork } from '../support/other-network.js';
import { describeInNamespace } from '../support/requirements.js';

const packageUrl = new URL('../../dist/index.js', import.meta.url).href;
const PROTOCOLS = Object.keys(TIMEOUT_STATES) as TimeoutProtocol[];
const FAMILIES = ['ipv4', 'ipv6'] as const;
const FAMILY_NUMBERS = { ipv4: 2, ipv6: 10 } as const;

/** Seconds for the states that nfct knows, each another. */
const secondsOf = (protocol: TimeoutProtocol, from = 1000) =>
  NFCT_STATES[protocol].map((_, index) => from + index);

/** The same by their names. */
const timeoutsOf = (protocol: TimeoutProtocol, seconds: readonly number[]): Timeouts =>
  Object.fromEntries(
    seconds.map((value, index) => [TIMEOUT_STATES[protocol][index] ?? '?', value]),
  );

/** A policy as nfct prints it. */
const asPrinted = ({ name, family, protocol, protocolNumber, timeouts }: TimeoutPolicy) => ({
  name,
  family: FAMILY_NUMBERS[family as Family],
  protocol: protocolNumber,
  seconds: NFCT_STATES[protocol as TimeoutProtocol].map(
    (_, index) => timeouts[TIMEOUT_STATES[protocol as TimeoutProtocol][index] as TimeoutState],
  ),
});

/** The protocols whose timeouts this kernel has; of the others each request has the same error. */
async function isTracked(protocol: TimeoutProtocol): Promise<boolean> {
  try {
    await readDefaultTimeouts(protocol);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_CONNTRACK_UNSUPPORTED' });
    expect(String(error)).toContain(`this kernel has no timeouts for protocol ${protocol}`);
    return false;
  }
}

const port = 5353;

const oneFlow = (family: Family) => createSocket(family === 'ipv4' ? 'udp4' : 'udp6');

/** Sends a datagram through the loopback device, and gives the timeout of its entry. */
async function sendDatagram(family: Family, socket: Socket): Promise<number | undefined> {
  socket.send('x', port, family === 'ipv4' ? '127.0.0.1' : '::1', () => socket.emit('sent'));
  await once(socket, 'sent');
  const [entry] = await listEntries({
    family,
    protocol: 'udp',
    original: { destinationPort: port },
  });
  return entry?.timeout;
}

/** The same of a flow that begins. */
async function beginFlow(): Promise<number | undefined> {
  const socket = oneFlow('ipv4');
  const timeout = await sendDatagram('ipv4', socket);
  socket.close();
  return timeout;
}

/** The kernel rounds what is left down. */
const just = (seconds: number) => [seconds, seconds - 1];

describeInNamespace(
  'conntrack',
  'nfct',
  'nft',
  'iptables',
  'unshare',
)('timeouts', () => {
  beforeEach(async () => {
    nft('flush ruleset');
    run('conntrack', '-F');
    // Such as the policies of the test before.
    for (const { name } of await listTimeoutPolicies()) {
      await vi.waitFor(() => deleteTimeoutPolicy(name));
    }
  });

  describe.each(PROTOCOLS)('%s', (protocol) => {
    test.each(FAMILIES)(
      'what nfct adds is listed, what is created nfct lists: %s',
      async (family) => {
        const seconds = secondsOf(protocol);
        const timeouts = timeoutsOf(protocol, seconds);
        if (!(await isTracked(protocol))) {
          const creating = createTimeoutPolicy({ name: 'ours', family, protocol, timeouts });
          await expect(creating).rejects.toMatchObject({ code: 'ERR_CONNTRACK_UNSUPPORTED' });
          expect(() => {
            addWithNfct('theirs', family, protocol, seconds);
          }).toThrow('not supported');
          return;
        }
        addWithNfct('theirs', family, protocol, seconds);
        const created = await createTimeoutPolicy({ name: 'ours', family, protocol, timeouts });
        expect(created).toMatchObject({ name: 'ours', family, protocol, timeouts, use: 1 });
        expect(created.unknownAttributes).toBe(0);
        const listed = await listTimeoutPolicies();
        const [theirs] = listed;
        expect(listed).toEqual([{ ...created, name: 'theirs' }, created]);
        expect(listed.map(asPrinted)).toEqual(listWithNfct());
        expect(await getTimeoutPolicy('theirs')).toEqual(theirs);
        // Every state that the kernel sent has a name, in the order of the attributes.
        expect(Object.keys(created.timeouts)).toEqual(
          TIMEOUT_STATES[protocol].slice(0, Object.keys(created.timeouts).length),
        );

        const changed = timeoutsOf(protocol, secondsOf(protocol, 77).slice(-1));
        const [state] = Object.keys(changed) as [TimeoutState];
        const updated = await updateTimeoutPolicy('theirs', changed);
        expect(updated).toEqual({
          ...theirs,
          timeouts: { ...theirs?.timeouts, [state]: 77 + secondsOf(protocol).length - 1 },
        });
        expect((await listTimeoutPolicies()).map(asPrinted)).toEqual(listWithNfct());

        expect(await deleteTimeoutPolicy('theirs')).toBe(true);
        expect(await deleteTimeoutPolicy('theirs')).toBe(false);
        expect(listWithNfct().map(({ name }) => name)).toEqual(['ours']);

        expect(getWithNfct('ours')).toEqual(asPrinted(created));
        deleteWithNfct('ours');
        expect(await getTimeoutPolicy('ours')).toBeUndefined();
      },
    );

    test('its defaults, as nfct, and as the settings have them', async () => {
      if (!(await isTracked(protocol))) return;
      const before = await readDefaultTimeouts(protocol);
      const count = NFCT_STATES[protocol].length;
      const read = async () => Object.values((await readDefaultTimeouts(protocol)).timeouts);
      for (const family of FAMILIES) {
        expect((await read()).slice(0, count)).toEqual(defaultsOfNfct(protocol, family));
      }

      setDefaultsWithNfct(protocol, secondsOf(protocol, 200));
      expect((await read()).slice(0, count)).toEqual(secondsOf(protocol, 200));

      const wanted = timeoutsOf(protocol, secondsOf(protocol, 300));
      const written = await writeDefaultTimeouts(protocol, wanted);
      expect(written).toEqual({ ...before, timeouts: { ...before.timeouts, ...wanted } });
      expect(defaultsOfNfct(protocol)).toEqual(secondsOf(protocol, 300));

      const settings = (await readSettings()) as Readonly<Record<string, unknown>>;
      for (const [state, value] of Object.entries(written.timeouts)) {
        const name = settingOf(protocol, state);
        if (name !== undefined && settings[name] !== undefined)
          expect([name, settings[name]]).toEqual([name, value]);
      }
      await writeDefaultTimeouts(protocol, before.timeouts);
      expect(await readDefaultTimeouts(protocol)).toEqual(before);
    });
  });

  /** The setting of a state; `undefined` where there is none. */
  function settingOf(protocol: TimeoutProtocol, state: string): string | undefined {
    // The kernel has one default for both.
    const prefix = protocol === 'udplite' ? 'udp' : protocol;
    const rest = { timeout: '', unreplied: '', replied: 'Stream' }[state];
    const name = `${prefix}${rest ?? state.charAt(0).toUpperCase() + state.slice(1)}Timeout`;
    return name in SETTINGS ? name : undefined;
  }

  test('a setting that is written is the default', async () => {
    const { udpTimeout = 0 } = await readSettings();
    await writeSettings({ udpTimeout: 41 });
    expect((await readDefaultTimeouts(17)).timeouts.unreplied).toBe(41);
    await writeDefaultTimeouts('udp', { unreplied: udpTimeout });
    expect((await readSettings()).udpTimeout).toBe(udpTimeout);
  });

  test('states that a policy does not name have the defaults of its creation', async () => {
    const { timeouts } = await readDefaultTimeouts('tcp');
    const spec = { name: 'web', family: 'ipv4', protocol: 'tcp' } as const;
    const created = await createTimeoutPolicy({ ...spec, timeouts: { established: 100 } });
    expect(created.timeouts).toEqual({ ...timeouts, established: 100 });
    await writeDefaultTimeouts('tcp', { close: 33, established: 44 });
    expect(await getTimeoutPolicy('web')).toEqual(created);
    // The kernel would set what a change leaves out to the defaults of now.
    expect((await updateTimeoutPolicy('web', { finWait: 5 })).timeouts).toEqual({
      ...created.timeouts,
      finWait: 5,
    });
    const later = await createTimeoutPolicy({ ...spec, name: 'later' });
    expect(later.timeouts).toEqual({ ...timeouts, close: 33, established: 44 });
    await writeDefaultTimeouts('tcp', timeouts);
  });

  test.each([
    ['ipv4', 'iptables'],
    ['ipv6', 'ip6tables'],
  ] as const)('a rule attaches a policy of %s, and uses it', async (family, iptables) => {
    trackLoopback();
    await createTimeoutPolicy({
      name: 'dns',
      family,
      protocol: 'udp',
      timeouts: { unreplied: 77 },
    });
    const rule = ['OUTPUT', '-p', 'udp', '--dport', String(port), '-j', 'CT', '--timeout', 'dns'];
    const { timeouts } = await readDefaultTimeouts('udp');
    const older = oneFlow(family);
    const use = async () => (await getTimeoutPolicy('dns'))?.use ?? 0;
    await sendDatagram(family, older);
    run(iptables, '-t', 'raw', '-A', ...rule);
    // 6.18 counts one more for a rule, 7.2 two.
    expect(await use()).toBeGreaterThan(1);
    // It attaches the policy to flows that begin.
    expect(just(timeouts.unreplied ?? 0)).toContain(await sendDatagram(family, older));
    run('conntrack', '-F');
    const socket = oneFlow(family);
    expect(just(77)).toContain(await sendDatagram(family, socket));
    // The next packet takes the new timeout.
    await updateTimeoutPolicy('dns', { unreplied: 555 });
    expect(just(555)).toContain(await sendDatagram(family, socket));

    const outcome = await deleteTimeoutPolicy('dns').catch((error: unknown) => error);
    if (outcome === true) {
      // 7.2 takes it from the list, and from flows; the rule goes on to attach it.
      expect(listWithNfct()).toEqual([]);
      expect(just(timeouts.unreplied ?? 0)).toContain(await sendDatagram(family, socket));
      run('conntrack', '-F');
      expect(just(555)).toContain(await sendDatagram(family, socket));
      for (const one of [older, socket]) one.close();
      return;
    }
    expect(outcome).toMatchObject({ code: 'EBUSY', operation: 'deleteTimeoutPolicy' });
    expect(String(outcome)).toMatch(/a rule uses the timeout policy 'dns'\n.*-t raw/);
    expect(listWithNfct()).toHaveLength(1);

    run(iptables, '-t', 'raw', '-D', ...rule);
    // The kernel may let go of it a moment later.
    await expect.poll(use).toBe(1);
    expect(just(555)).toContain(await sendDatagram(family, socket));
    expect(await deleteTimeoutPolicy('dns')).toBe(true);
    const [left] = await listEntries({ protocol: 'udp', family });
    expect(left?.timeout).toBeGreaterThan(500);
    expect(just(timeouts.unreplied ?? 0)).toContain(await sendDatagram(family, socket));
    for (const one of [older, socket]) one.close();
  });

  test('an entry lasts as long as the longest timeout, and with 0 no longer than its packet', async () => {
    trackLoopback();
    await createTimeoutPolicy({
      name: 'long',
      family: 'ipv4',
      protocol: 'udp',
      timeouts: { unreplied: 2_147_483 },
    });
    run('iptables', '-t', 'raw', '-A', 'OUTPUT', '-p', 'udp', '-j', 'CT', '--timeout', 'long');
    expect(just(2_147_483)).toContain(await beginFlow());
    run('conntrack', '-F');
    expect((await updateTimeoutPolicy('long', { unreplied: 0 })).timeouts.unreplied).toBe(0);
    expect(await beginFlow()).toBeUndefined();
  });

  test('defaults are written where /proc/sys is read-only', () => {
    const script = `
      const { writeDefaultTimeouts, writeSettings } = await import('${packageUrl}');
      const code = await writeSettings({ udpTimeout: 41 }).catch((error) => error.code);
      const { timeouts } = await writeDefaultTimeouts('udp', { unreplied: 42 });
      console.log(code, timeouts.unreplied);`;
    const mount = 'mount --bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys; exec "$@"';
    const node = [process.execPath, '--input-type=module', '--eval', script];
    expect(run('unshare', '--mount', 'sh', '-c', mount, 'sh', ...node)).toBe('EROFS 42\n');
    expect(setting('udp_timeout')).toBe('42');
    setting('udp_timeout', 30);
  });

  test('an object of nftables is another thing: it is not listed, and attaches none of these', async () => {
    await createTimeoutPolicy({ name: 'dns', family: 'ipv4', protocol: 'udp' });
    const attaching = (name: string) => `
      chain output {
        type filter hook output priority 0
        udp dport ${port} ct timeout set "${name}"
      }`;
    expect(() => {
      nft(`table ip t { ${attaching('dns')}
      }`);
    }).toThrow('No such file or directory');
    trackLoopback();
    nft(`table ip t {
      ct timeout quick { protocol udp; l3proto ip; policy = { unreplied : 66, replied : 67 }; }
      ${attaching('quick')}
    }`);
    expect((await listTimeoutPolicies()).map(({ name }) => name)).toEqual(['dns']);
    expect(just(66)).toContain(await beginFlow());
  });

  test('names: the longest, of other letters, and none that the kernel has already', async () => {
    const spec = { family: 'ipv4', protocol: 'icmp' } as const;
    const names = ['x'.repeat(31), 'ÅÄÖ', 'a b', "'\n"];
    for (const name of names) {
      expect((await createTimeoutPolicy({ ...spec, name })).name).toBe(name);
      expect((await getTimeoutPolicy(name))?.name).toBe(name);
      const again = createTimeoutPolicy({ ...spec, name, protocol: 'udp' });
      await expect(again).rejects.toMatchObject({
        code: 'EEXIST',
        operation: 'createTimeoutPolicy',
      });
    }
    expect((await listTimeoutPolicies()).map(({ name }) => name)).toEqual(names);
    for (const name of names) expect(await deleteTimeoutPolicy(name)).toBe(true);
    expect(listWithNfct()).toEqual([]);
  });

  test('nothing is deleted, changed or found without a name', async () => {
    await createTimeoutPolicy({ name: 'a', family: 'ipv4', protocol: 'udp' });
    for (const name of [undefined, null, '', '\0', 'a\0b', 'x'.repeat(32), {}, ['a'], 5]) {
      for (const call of [deleteTimeoutPolicy, getTimeoutPolicy]) {
        await expect(call(name as string)).rejects.toThrow(
          /^name: must be a string of 1 to 31 bytes/,
        );
      }
      await expect(updateTimeoutPolicy(name as string, { replied: 1 })).rejects.toThrow(/^name: /);
    }
    expect(listWithNfct()).toHaveLength(1);
  });

  test('a policy that is not there, and states that it does not have', async () => {
    expect(await getTimeoutPolicy('none')).toBeUndefined();
    expect(await deleteTimeoutPolicy('none')).toBe(false);
    const missing = updateTimeoutPolicy('none', { replied: 1 });
    await expect(missing).rejects.toMatchObject({
      code: 'ENOENT',
      operation: 'updateTimeoutPolicy',
    });
    expect(listWithNfct()).toEqual([]);
    await createTimeoutPolicy({ name: 'a', family: 'ipv4', protocol: 'udp' });
    await expect(updateTimeoutPolicy('a', { established: 5 })).rejects.toThrow(
      'timeouts.established: no state of protocol udp; known: unreplied, replied',
    );
  });

  test('a family and a protocol by numbers that have no name', async () => {
    const igmp = createTimeoutPolicy({ name: 'a', family: 'ipv4', protocol: 2 });
    await expect(igmp).rejects.toMatchObject({ code: 'ERR_CONNTRACK_UNSUPPORTED' });
    await expect(igmp).rejects.toThrow(
      "protocol 2\nProtocols without timeouts of their own have those of 'generic'",
    );
    const raw = await createTimeoutPolicy({ name: 'a', family: 'ipv6', protocol: 255 });
    expect(raw).toMatchObject({ protocol: 'generic', protocolNumber: 255 });
  });

  test('many at once, in their order; each network namespace has its own', async () => {
    await using other = await OtherNetwork.create();
    await using handle = await Conntrack.open({ netns: { pid: other.pid } });
    const names = Array.from({ length: 500 }, (_, index) => `policy-${index}`);
    const created = await Promise.all(
      names.map((name, index) =>
        createTimeoutPolicy({
          name,
          family: 'ipv6',
          protocol: 'udp',
          timeouts: { replied: index },
        }),
      ),
    );
    expect(await listTimeoutPolicies()).toEqual(created);
    expect(created.map(asPrinted)).toEqual(listWithNfct());
    expect(await handle.listTimeoutPolicies()).toEqual([]);
    // What was read is a specification.
    for (const policy of created.slice(0, 3)) await handle.createTimeoutPolicy(policy);
    expect(await handle.listTimeoutPolicies()).toEqual(created.slice(0, 3));
    await handle.writeDefaultTimeouts('icmp', { timeout: 3 });
    expect(other.setting('icmp_timeout')).toBe('3');
    expect((await readDefaultTimeouts('icmp')).timeouts.timeout).not.toBe(3);
    const deleted = await Promise.all(names.map((name) => deleteTimeoutPolicy(name)));
    expect(deleted).toEqual(names.map(() => true));
    expect(await handle.deleteTimeoutPolicy('policy-0')).toBe(true);
    expect((await handle.listTimeoutPolicies()).map(({ name }) => name)).toEqual([
      'policy-1',
      'policy-2',
    ]);
    await expect(getTimeoutPolicy('policy-1')).resolves.toBeUndefined();
  });
});
