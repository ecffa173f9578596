/**
 * Expectations of the real kernel, with the FTP helper and conntrack as an oracle.
 */
import {
  Conntrack,
  countExpectations,
  createEntries,
  createEntry,
  createExpectation,
  deleteExpectation,
  deleteExpectations,
  type Expectation,
  type ExpectationFilter,
  type ExpectationKey,
  flushExpectations,
  getExpectation,
  listExpectations,
  updateExpectation,
  watchEvents,
} from 'conntrack';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { EventTool, expectationLineOf } from '../support/event-tool.js';
import { nft, run, setting, trackLoopback } from '../support/namespace.js';
import { describeInNamespace } from '../support/requirements.js';
import { openFtp } from '../support/traffic.js';
import { isMarker, makeMarker, until } from './event-marker.js';

const ALIAS = '192.0.2.1';

describeInNamespace(
  'conntrack',
  'nft',
  'ip',
)('events about expectations', () => {
  const client = { address: '127.0.0.2', port: 40000 };
  const server = { address: '127.0.0.3', port: 2121 };
  const helper = `
    ct helper ftp { type "ftp" protocol tcp; }
    chain output { type filter hook output priority 0; tcp dport 2121 ct helper set "ftp"; }`;

  beforeAll(() => {
    setting('events', 1);
    run('ip', 'route', 'add', 'local', ALIAS, 'dev', 'lo');
    trackLoopback();
  });

  beforeEach(() => {
    run('conntrack', '-F');
  });

  test.each([
    ['FTP', server, ''],
    [
      'FTP through NAT',
      { ...server, address: ALIAS },
      `
      chain nat {
        type nat hook output priority -100
        ip daddr ${ALIAS} tcp dport 2121 dnat ip to ${server.address}
      }`,
    ],
  ])('%s: what conntrack -E expect prints', async (_, to, nat) => {
    nft(`table inet helper {${helper}${nat}
    }`);
    await using tool = await EventTool.start('expect');
    const stream = watchEvents({ expectations: true });
    const session = await openFtp({ client, server, to });
    await session[Symbol.asyncDispose]();
    makeMarker();
    const events = await until(stream, isMarker);
    nft('delete table inet helper');

    const expectations = events.filter((event) => 'expectation' in event);
    const lines = expectations.map(expectationLineOf);
    expect(lines).toEqual(await tool.stop(lines.length));
    const [first, second] = expectations;
    expect([first?.type, second?.type]).toEqual(['expectation-new', 'expectation-destroy']);
    expect(first?.originPortId).toBe(0);
    expect(first?.expectation).toMatchObject({
      family: 'ipv4',
      protocol: 'tcp',
      helper: 'ftp',
      master: { source: client.address, destination: to.address, destinationPort: 2121 },
    });
    expect(first?.expectation.id).toBe(second?.expectation.id);
    if (nat !== '') expect(first?.expectation).toMatchObject({ function: 'nat-follow-master' });
    expect(stream.counters.malformed).toBe(0);
  });

  test('alone: without any about entries, and with a filter that no entry passes', async () => {
    nft(`table inet helper {${helper}
    }`);
    for (const options of [{ events: [] }, { filter: [] }]) {
      const stream = watchEvents({ ...options, expectations: true });
      const session = await openFtp({ client, server });
      await session[Symbol.asyncDispose]();
      const events = await until(stream, ({ type }) => type === 'expectation-destroy');
      expect(events.map(({ type }) => type)).toEqual(['expectation-new', 'expectation-destroy']);
    }
    nft('delete table inet helper');
  });
});

describeInNamespace('conntrack')('expectations', () => {
  const original = {
    source: '10.0.0.1',
    destination: '10.0.0.2',
    sourcePort: 40000,
    destinationPort: 21,
  };
  const { source, destination } = original;
  const data = { source, destination, sourcePort: 0, destinationPort: 40021 };
  const spec = { protocol: 'tcp', tuple: data, mask: { sourcePort: 0 }, master: original } as const;
  /** Without the seconds that are left. */
  const settled = (line: string) => line.replace(/^\d+ /, '');
  const lines = (family = 'ipv4') => {
    const text = run('conntrack', '-L', 'expect', '-f', family);
    return text.split('\n').filter(Boolean).map(settled).sort();
  };

  beforeEach(async () => {
    run('conntrack', '-F');
    await createEntry({ protocol: 'tcp', original, timeout: 600, helper: 'ftp' });
  });

  test('are created, listed, looked up and deleted; as conntrack -L expect prints them', async () => {
    const created = await createExpectation(spec);
    expect(lines()).toEqual([settled(String(created))]);
    expect(created).toMatchObject({ helper: 'ftp', master: original, mask: { sourcePort: 0 } });
    const [listed] = await listExpectations();
    // The kernel rounds what is left of the timeout down.
    const left = created.timeout ?? 0;
    expect([left, left - 1]).toContain(listed?.timeout);
    expect({ ...listed?.toJSON(), timeout: left }).toEqual(created.toJSON());
    expect((await getExpectation(created))?.id).toBe(created.id);
    expect((await getExpectation({ protocol: 'tcp', tuple: data }))?.id).toBe(created.id);
    // Under the mask this one is expected, too; but it is not the one.
    const other = { ...data, sourcePort: 5 };
    expect(await getExpectation({ protocol: 'tcp', tuple: other })).toBeUndefined();
    expect(await getExpectation({ protocol: 'tcp', tuple: data, id: 1 })).toBeUndefined();

    expect(await deleteExpectation({ protocol: 'tcp', tuple: other })).toBe(false);
    expect(await deleteExpectation({ protocol: 'tcp', tuple: data, id: 1 })).toBe(false);
    expect(lines()).toHaveLength(1);
    expect(await deleteExpectation(created)).toBe(true);
    expect(await deleteExpectation(created)).toBe(false);
    expect(lines()).toEqual([]);
  });

  test('one that was read can be created again; with flags, a class and NAT', async () => {
    const created = await createExpectation({
      ...spec,
      flags: ['permanent', 'inactive'],
      nat: { direction: 'reply', address: '192.0.2.9', port: 4321 },
      function: 'nat-follow-master',
    });
    expect(created).toMatchObject({
      flags: { permanent: true, inactive: true, userspace: false },
      nat: { direction: 'reply', address: '192.0.2.9', port: 4321 },
      function: 'nat-follow-master',
    });
    expect(lines()).toEqual([settled(String(created))]);
    await flushExpectations();
    expect(await listExpectations()).toEqual([]);
    const again = await createExpectation(created);
    const plain = { id: 0, timeout: 0 };
    expect({ ...again.toJSON(), ...plain }).toEqual({ ...created.toJSON(), ...plain });
  });

  test('of another protocol than its master', async () => {
    const master = { ...original, protocol: 'tcp', protocolNumber: 6 } as const;
    const created = await createExpectation({
      protocol: 7,
      tuple: { source, destination },
      master,
    });
    expect(lines()).toEqual([settled(String(created))]);
    expect(String(created)).toContain('dst=10.0.0.2 sport=40000 dport=21 class=0');
  });

  test('of IPv6', async () => {
    const master = { ...original, source: 'fd00::1', destination: 'fd00::2' };
    await createEntry({ protocol: 'tcp', original: master, timeout: 600, helper: 'ftp' });
    const tuple = { ...data, source: 'fd00::1', destination: 'fd00::2' };
    const created = await createExpectation({ ...spec, tuple, master });
    expect(lines('ipv6')).toEqual([settled(String(created))]);
    expect(created.family).toBe('ipv6');
    expect((await listExpectations()).map(({ id }) => id)).toEqual([created.id]);
  });

  test('those of one helper are deleted, of both families, and no others', async () => {
    const udp = { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: 7, destinationPort: 69 };
    const tuple = { ...udp, destinationPort: 5000 };
    const v6 = { source: 'fd00::1', destination: 'fd00::2' };
    await createEntry({ protocol: 'udp', original: udp, timeout: 600, helper: 'tftp' });
    await createEntry({
      protocol: 'tcp',
      original: { ...original, ...v6 },
      timeout: 600,
      helper: 'ftp',
    });
    const helpers = async () => (await listExpectations()).map(({ helper }) => helper).sort();
    const create = async () => {
      await createExpectation(spec);
      await createExpectation({
        ...spec,
        tuple: { ...data, ...v6 },
        master: { ...original, ...v6 },
      });
      await createExpectation({ protocol: 'udp', tuple, master: udp });
    };
    await create();
    expect(await helpers()).toEqual(['ftp', 'ftp', 'tftp']);
    for (const helper of ['ft', 'ftpx', 'sip', 'x'.repeat(15)]) {
      await flushExpectations({ helper });
      expect(await helpers()).toEqual(['ftp', 'ftp', 'tftp']);
    }
    await flushExpectations({ helper: 'ftp' });
    expect(await helpers()).toEqual(['tftp']);
    await flushExpectations();
    expect(await helpers()).toEqual([]);
    await create();
    await flushExpectations({ helper: 'tftp' });
    expect(await helpers()).toEqual(['ftp', 'ftp']);
    for (const helper of ['', undefined, 'x'.repeat(16), 'ftp\0', 5]) {
      await expect(flushExpectations({ helper: helper as string })).rejects.toThrow(
        /^options\.helper: /,
      );
    }
    expect(await helpers()).toEqual(['ftp', 'ftp']);
  });

  const udp = { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: 7, destinationPort: 69 };
  const ofTftp = {
    protocol: 'udp',
    tuple: { ...udp, destinationPort: 5000 },
    master: udp,
  } as const;

  async function two(): Promise<[Expectation, Expectation]> {
    await createEntry({ protocol: 'udp', original: udp, timeout: 600, helper: 'tftp' });
    return [await createExpectation(spec), await createExpectation(ofTftp)];
  }

  test('are listed, counted and deleted by a filter; conntrack counts as many', async () => {
    const [ftp, tftp] = await two();
    expect(await countExpectations()).toBe(lines().length);
    const idsOf = async (filter: ExpectationFilter) =>
      (await listExpectations(filter)).map(({ id }) => id);
    expect(await idsOf({ helper: 'ftp' })).toEqual([ftp.id]);
    expect(await idsOf({ id: tftp.id })).toEqual([tftp.id]);
    expect(await idsOf({ mask: { sourcePort: 0 } })).toEqual([ftp.id]);
    expect(await idsOf({ master: { protocol: 'udp', destinationPort: 69 } })).toEqual([tftp.id]);
    expect(await countExpectations({ address: '10.0.0.0/30' })).toBe(2);
    expect(await countExpectations([{ port: 40021 }, { port: 5000 }])).toBe(2);
    expect(await countExpectations({ not: { helper: 'ftp' } })).toBe(1);
    expect(await countExpectations([])).toBe(0);

    for (const filter of [
      {},
      { family: 'ipv4' },
      [{ id: 5 }, {}],
      { tuple: { source: '0.0.0.0/0' } },
    ]) {
      await expect(deleteExpectations(filter as ExpectationFilter)).rejects.toThrow(
        /^filter: matches a whole address family/,
      );
    }
    expect(await deleteExpectations({ helper: 'sip' })).toEqual({
      matched: 0,
      deleted: 0,
      vanished: 0,
    });
    expect(lines()).toHaveLength(2);
    expect(await deleteExpectations({ port: 40021 })).toEqual({
      matched: 1,
      deleted: 1,
      vanished: 0,
    });
    expect(lines()).toEqual([settled(String(tftp))]);
  });

  test('an update changes the timeout, which a newer line of conntrack has', async () => {
    const [ftp, tftp] = await two();
    const updated = await updateExpectation(ftp, { timeout: 7000 });
    expect([7000, 6999]).toContain(updated.timeout);
    const seconds = { timeout: 0 };
    expect({ ...updated.toJSON(), ...seconds }).toEqual({ ...ftp.toJSON(), ...seconds });
    expect(run('conntrack', '-L', 'expect')).toMatch(/^(7000|6999) proto=6 /m);
    expect((await getExpectation(tftp))?.timeout).toBeLessThanOrEqual(300);
    const longest = await updateExpectation(ftp, { timeout: 2_147_483 });
    expect(longest.timeout).toBeGreaterThan(2_147_400);
    // Under the mask the kernel would take it for the one of FTP.
    const other = { protocol: 'tcp', tuple: { ...data, sourcePort: 5 } } as const;
    for (const key of [other, { protocol: 'tcp', tuple: data, id: 1 } as const]) {
      await expect(updateExpectation(key, { timeout: 5 })).rejects.toMatchObject({
        code: 'ENOENT',
      });
    }
    expect((await getExpectation(ftp))?.timeout).toBeGreaterThan(2_147_400);
    for (const [field, changes] of [
      ['changes.timeout', {}],
      ['changes.timeout', { timeout: 2_147_484 }],
      ['changes.flags', { timeout: 5, flags: [] }],
    ] as const) {
      await expect(updateExpectation(ftp, changes as { timeout: number })).rejects.toThrow(
        `${field}: `,
      );
    }
    await deleteExpectation(ftp);
    await expect(updateExpectation(ftp, { timeout: 5 })).rejects.toMatchObject({ code: 'ENOENT' });
    expect(lines()).toEqual([settled(String(tftp))]);
  });

  test('those of other zones: the kernel sends no zone, and they are not lost sight of', async () => {
    const [ftp] = await two();
    await createEntry({ protocol: 'tcp', original, timeout: 600, helper: 'ftp', zone: 5 });
    await createExpectation({ ...spec, zone: 5 });
    const key = { protocol: 'tcp', tuple: data, zone: 5 } as const;
    expect((await updateExpectation(key, { timeout: 99 })).timeout).toBeLessThanOrEqual(99);
    expect((await getExpectation(ftp))?.timeout).toBeGreaterThan(99);
    const refused = deleteExpectations({ helper: 'ftp' });
    await expect(refused).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
    await expect(refused).rejects.toThrow('1 of the expectations are in other zones');
    const [left, ...others] = await listExpectations({ helper: 'ftp' });
    expect(others).toEqual([]);
    expect(left?.id).not.toBe(ftp.id);
    if (left === undefined) throw new Error('it is not there');
    expect(await deleteExpectation({ ...left.toJSON(), zone: 5 })).toBe(true);
    expect(await countExpectations({ helper: 'ftp' })).toBe(0);
  });

  test('more than one datagram of them', async () => {
    // The kernel sizes its table by the memory of the machine.
    const count = Math.min(300, Number(setting('expect_max')) - 10);
    const masters = Array.from({ length: count }, (_, index) => ({
      ...original,
      sourcePort: 1000 + index,
    }));
    const specs = masters.map(
      (tuple) => ({ protocol: 'tcp', original: tuple, timeout: 600, helper: 'ftp' }) as const,
    );
    await createEntries(specs);
    await using conntrack = await Conntrack.open();
    for (const [index, master] of masters.entries()) {
      const tuple = { ...data, destinationPort: 20_000 + index };
      await conntrack.createExpectation({ ...spec, tuple, master });
    }
    const listed = await conntrack.listExpectations();
    expect(listed).toHaveLength(count);
    expect(listed.map(String).map(settled).sort()).toEqual(lines());
    const tuple = { destinationPort: { from: 20_000, to: 20_009 } };
    const deleted = await conntrack.deleteExpectations({ not: { tuple } });
    expect(deleted).toEqual({ matched: count - 10, deleted: count - 10, vanished: 0 });
    expect(await conntrack.countExpectations()).toBe(10);
  });

  test.each<[string, string, RegExp, object]>([
    [
      'a master that does not exist',
      'ENOENT',
      /master/,
      { tuple: { ...data, destinationPort: 5 }, master: { ...original, sourcePort: 1 } },
    ],
    ['one that exists', 'EEXIST', /already/, {}],
  ])('refuses %s', async (_, code, message, difference) => {
    await createExpectation(spec);
    const refused = createExpectation({ ...spec, ...difference });
    await expect(refused).rejects.toMatchObject({ code, operation: 'createExpectation' });
    await expect(refused).rejects.toThrow(message);
    expect(lines()).toHaveLength(1);
  });

  test('refuses a master without a helper', async () => {
    run('conntrack', '-F');
    await createEntry({ protocol: 'tcp', original, timeout: 600 });
    await expect(createExpectation(spec)).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
  });

  test.each<[string, unknown]>([
    ['spec', undefined],
    ['spec.protocol', { ...spec, protocol: undefined }],
    ['spec.tuple', { ...spec, tuple: undefined }],
    ['spec.tuple.destination', { ...spec, tuple: { ...data, destination: 'fd00::1' } }],
    ['spec.mask.sourcePort', { ...spec, mask: { sourcePort: 65536 } }],
    ['spec.mask.source', { ...spec, mask: { source: '/8' } }],
    ['spec.master', { ...spec, master: undefined }],
    ['spec.flags[0]', { ...spec, flags: ['eternal'] }],
    ['spec.timeout', { ...spec, timeout: -1 }],
    ['spec.helper', { ...spec, helper: 'a-name-that-is-too-long' }],
    ['spec.function', { ...spec, function: '' }],
    ['spec.nat.direction', { ...spec, nat: { address: '1.1.1.1' } }],
    ['spec.nat.address', { ...spec, nat: { direction: 'reply', address: '' } }],
    ['spec.zone', { ...spec, zone: -1 }],
  ])('names what is wrong: %s', async (field, wrong) => {
    await expect(createExpectation(wrong as typeof spec)).rejects.toThrow(`${field}: `);
    expect(lines()).toEqual([]);
  });

  test('deleteExpectation never means all of them', async () => {
    await createExpectation(spec);
    for (const key of [
      undefined,
      null,
      {},
      [],
      { id: 5 },
      { protocol: 'tcp' },
      { protocol: 'tcp', tuple: {} },
    ]) {
      await expect(deleteExpectation(key as ExpectationKey)).rejects.toThrow(TypeError);
    }
    expect(lines()).toHaveLength(1);
  });
});
