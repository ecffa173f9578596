/**
 * What a writing call leaves alone. An older kernel reads some requests as "all": by zone, by
 * status (flushes of Linux 6.1 and 5.10). So every writing function works here beside bystanders
 * that differ from what it names in one thing.
 */
import {
  Conntrack,
  createEntries,
  deleteEntries,
  type EntryFilter,
  type EntrySpec,
  flushEntries,
  listEntries,
  updateEntries,
} from 'conntrack';
import { beforeEach, expect, test } from 'vitest';
import { run } from '../support/namespace.js';
import { describeInNamespace } from '../support/requirements.js';

const V4 = { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: 1000, destinationPort: 53 };
const V6 = { source: 'fd00::1', destination: 'fd00::2', sourcePort: 1000, destinationPort: 53 };

const plain: EntrySpec = { protocol: 'udp', original: V4, timeout: 1000 };

/** Each is alone in the table in what its filter names. */
const NAMED: Readonly<Record<string, { spec: EntrySpec; filter: EntryFilter }>> = {
  zone: { spec: { ...plain, zone: 5 }, filter: { zone: 5 } },
  'zone of one direction': {
    spec: { ...plain, original: { ...V4, sourcePort: 1001, zone: 6 } },
    filter: { original: { zone: 6 } },
  },
  mark: {
    spec: { ...plain, original: { ...V4, sourcePort: 1002 }, mark: 7 },
    filter: { mark: 7 },
  },
  'mark under a mask': {
    spec: { ...plain, original: { ...V4, sourcePort: 1003 }, mark: 0x100 },
    filter: { mark: { value: 0x100, mask: 0x100 } },
  },
  status: {
    spec: { ...plain, original: { ...V4, sourcePort: 1004 }, status: ['assured', 'seenReply'] },
    filter: { status: { all: ['assured'] } },
  },
  assured: {
    spec: { ...plain, original: { ...V4, sourcePort: 1005 }, status: ['assured', 'seenReply'] },
    filter: { assured: true, original: { sourcePort: 1005 } },
  },
  'addresses of IPv4': {
    spec: { ...plain, original: { ...V4, source: '10.0.0.9' } },
    filter: { original: { source: '10.0.0.9' } },
  },
  'addresses of IPv6': {
    spec: { ...plain, original: { ...V6, source: 'fd00::9' } },
    filter: { original: { source: 'fd00::9' } },
  },
  'a network of IPv6': {
    spec: { ...plain, original: { ...V6, source: 'fd01::1' } },
    filter: { original: { source: 'fd01::/16' } },
  },
  'a reply': {
    spec: { ...plain, original: { ...V4, destination: '10.0.0.8' } },
    filter: { reply: { source: '10.0.0.8' } },
  },
  'a port': {
    spec: { ...plain, original: { ...V4, destinationPort: 54 } },
    filter: { port: 54 },
  },
  'a protocol': {
    spec: { ...plain, protocol: 'tcp', original: V6, tcp: { state: 'ESTABLISHED' } },
    filter: { protocol: 'tcp', family: 'ipv6' },
  },
  'a state': {
    spec: { ...plain, protocol: 'tcp', original: V4, tcp: { state: 'CLOSE_WAIT' } },
    filter: { state: 'CLOSE_WAIT' },
  },
};

/** Of both families, in and out of zones. */
const BYSTANDERS: readonly EntrySpec[] = [V4, V6].flatMap((original) => [
  { ...plain, original },
  { ...plain, original: { ...original, sourcePort: 2000 }, zone: 9 },
  { ...plain, original: { ...original, sourcePort: 2001 }, mark: 2, status: ['seenReply'] },
]);

const ids = async (filter?: EntryFilter) =>
  (await listEntries(filter)).map(({ id }) => id).toSorted((a, b) => a - b);

describeInNamespace('conntrack')('a writing call leaves bystanders alone', () => {
  let others: number[];

  beforeEach(async () => {
    run('conntrack', '-F');
    await using conntrack = await Conntrack.open();
    for (const { error } of await conntrack.createEntries(BYSTANDERS))
      expect(error).toBeUndefined();
    others = await ids();
    expect(others).toHaveLength(BYSTANDERS.length);
  });

  test.each(Object.entries(NAMED))('by %s', async (_, { spec, filter }) => {
    await using conntrack = await Conntrack.open();
    const target = await conntrack.createEntry(spec);
    expect(await ids(filter)).toEqual([target.id]);
    const one = { matched: 1, updated: 1, vanished: 0 };
    expect(await updateEntries(filter, { timeout: 500 })).toEqual(one);
    expect((await conntrack.updateEntry(target, { timeout: 600 })).id).toBe(target.id);
    const timeouts = (await listEntries()).filter(({ timeout = 0 }) => timeout > 900);
    expect(timeouts).toHaveLength(others.length);
    expect(await deleteEntries(filter, { dryRun: true })).toMatchObject({ matched: 1 });
    expect(await ids(filter)).toEqual([target.id]);
    expect(await deleteEntries(filter)).toEqual({ matched: 1, deleted: 1, vanished: 0 });
    expect(await ids()).toEqual(others);
    // Now that nothing matches.
    expect(await deleteEntries(filter)).toEqual({ matched: 0, deleted: 0, vanished: 0 });
    expect(await updateEntries(filter, { timeout: 1 })).toMatchObject({ matched: 0 });
    expect(await conntrack.deleteEntry(target)).toBe(false);
    await expect(conntrack.updateEntry(target, { timeout: 1 })).rejects.toMatchObject({
      code: 'ENOENT',
    });
    expect(await ids()).toEqual(others);
  });

  test.each(Object.entries(NAMED))('one entry of several with %s', async (_, { spec }) => {
    await using conntrack = await Conntrack.open();
    const target = await conntrack.createEntry(spec);
    await expect(conntrack.createEntry(spec)).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await conntrack.deleteEntry(target)).toBe(true);
    expect(await conntrack.deleteEntry(target)).toBe(false);
    expect(await ids()).toEqual(others);
  });

  test.each(['ipv4', 'ipv6'] as const)('flushEntries of %s', async (family) => {
    await using conntrack = await Conntrack.open();
    const rest = await ids({ family: family === 'ipv4' ? 'ipv6' : 'ipv4' });
    await conntrack.flushEntries({ family });
    expect(await ids()).toEqual(rest);
  });

  test('expectations and settings', async () => {
    await using conntrack = await Conntrack.open();
    await conntrack.flushExpectations();
    await conntrack.writeSettings({ accounting: true });
    expect(await ids()).toEqual(others);
  });
});

describeInNamespace()('a handle that closes before its first request', () => {
  test.each(['ipv4', 'ipv6'] as const)('flushes no %s', async (family) => {
    // The first look at what the kernel can takes longer: another call has it behind it.
    await flushEntries({ family });
    await createEntries([plain, { ...plain, original: V6 }]);
    const handle = await Conntrack.open();
    const flushed = handle.flushEntries({ family });
    const refused = expect(flushed).rejects.toMatchObject({ code: 'ERR_CONNTRACK_CLOSED' });
    await handle.close();
    await refused;
    expect(await listEntries({ family })).toHaveLength(1);
    await flushEntries();
  });
});
