/** Kernels that track a protocol by its addresses alone: no tuple that they send has ports. */
import type { ConntrackError, EntryKey, EntrySpec, Tuple } from 'conntrack';
import { describe, expect, test } from 'vitest';
import {
  ackMessage,
  type EntryDescription,
  entryMessage,
  errorMessage,
  inverse,
  type Message,
  type TupleDescription,
} from '../support/message-builder.js';
import { createEntry, deleteEntry, getEntry, updateEntry } from '../support/own-socket.js';
import { accept, type KernelSocket } from '../support/scripted-kernel.js';
import { errorOf } from './outcome.js';

const [ENOENT, EEXIST, EINVAL] = [2, 17, 22];
const addresses = { source: '10.0.0.1', destination: '10.0.0.2' };
const ports = { sourcePort: 5, destinationPort: 6 };
const keys = { sourceKey: 5, destinationKey: 6 };

/** Of each protocol a kernel without it: DCCP since 6.17, UDP-Lite since 7.2, others as built. */
const PROTOCOLS = [
  ['udplite', 136, ports],
  ['dccp', 33, ports],
  ['sctp', 132, ports],
  ['gre', 47, keys],
] as const;

/** Answers requests as they come; those of a write and its get in one datagram. */
async function serve(socket: KernelSocket, ...answers: (Message | undefined)[]): Promise<Buffer> {
  const datagram = await socket.request();
  const first = datagram.readUInt32LE(8);
  const numbered = answers.map(
    (message, index) => message && { ...message, sequence: first + index },
  );
  await socket.send(...numbered.filter((message) => message !== undefined));
  return datagram;
}

/** CTA_PROTO_SRC_PORT and CTA_PROTO_DST_PORT of 5 and 6 */
const wirePorts = Buffer.from('0600020000050000060003000006', 'hex');

describe.each(PROTOCOLS)(
  'a kernel that tracks %s by its addresses alone',
  (protocol, number, ends) => {
    const tuple: TupleDescription = { ...addresses, protocol: number };
    const named: EntrySpec = { protocol, original: { ...addresses, ...ends }, timeout: 60 };
    const unnamed: EntrySpec = { protocol, original: addresses, timeout: 60 };
    const found = (entry: Partial<EntryDescription> = {}) =>
      entryMessage({ original: tuple, id: 5, timeout: 60, ...entry });

    async function read(): Promise<Awaited<ReturnType<typeof createEntry>>> {
      const [entry] = await Promise.all([
        getEntry(unnamed),
        accept().then((one) => serve(one, found())),
      ]);
      if (entry === undefined) throw new Error('no entry');
      return entry;
    }

    const without = (tuple: Tuple | undefined) => [tuple?.sourcePort, tuple?.sourceKey];

    test.each<[string, EntrySpec]>([
      ['with', named],
      ['without', unnamed],
    ])('creates an entry %s ports, and gives that of the kernel', async (_, spec) => {
      const creating = createEntry(spec);
      const datagram = await serve(await accept(), undefined, found());
      expect(datagram.includes(wirePorts)).toBe(spec === named);
      const entry = await creating;
      expect(entry.id).toBe(5);
      expect(without(entry.original)).toEqual([undefined, undefined]);
    });

    test.each<[string, EntryKey]>([
      ['with ports', named],
      ['without', unnamed],
      ['with ports, by its reply', { protocol, reply: { ...addresses, ...ends } }],
    ])('finds, changes and deletes it by a key %s', async (_, key) => {
      const isReply = key.original === undefined;
      const there = found(isReply ? { original: inverse(tuple), reply: tuple } : {});
      const getting = getEntry(key);
      await serve(await accept(), there);
      expect((await getting)?.id).toBe(5);

      const updating = updateEntry(key, { mark: 7 });
      const writer = await accept();
      await serve(writer, there);
      await serve(writer, undefined, found({ mark: 7 }));
      expect((await updating).mark).toBe(7);

      const deleting = deleteEntry(key);
      const deleter = await accept();
      await serve(deleter, there);
      const removal = await serve(deleter, ackMessage());
      expect(removal.includes(wirePorts)).toBe(false);
      expect(await deleting).toBe(true);
    });

    test.each(['entry', 'JSON'])('takes what was read back as %s', async (form) => {
      const entry = await read();
      const key = form === 'JSON' ? (JSON.parse(JSON.stringify(entry)) as EntrySpec) : entry;
      const getting = getEntry(key);
      await serve(await accept(), found());
      expect((await getting)?.id).toBe(5);

      const deleting = deleteEntry(key);
      await serve(await accept(), ackMessage());
      expect(await deleting).toBe(true);

      const creating = createEntry(key);
      await serve(await accept(), undefined, found());
      expect((await creating).id).toBe(5);
    });

    test('gives nothing for an entry of other addresses, or with them as its reply', async () => {
      const other = { ...tuple, source: '10.0.0.9' };
      for (const entry of [{ original: other }, { original: inverse(tuple), reply: tuple }]) {
        const getting = getEntry(named);
        await serve(await accept(), found(entry));
        expect(await getting).toBeUndefined();
      }
    });

    test('tells why a second entry of other ports is refused', async () => {
      const creating = errorOf(createEntry(named));
      await serve(await accept(), errorMessage(EEXIST), found());
      const error = (await creating) as ConntrackError;
      expect(error.code).toBe('EEXIST');
      expect(error.hint).toContain('by its addresses alone');
    });

    test.each<[string, (spec: EntrySpec) => Promise<unknown>]>([
      ['createEntry', createEntry],
      ['getEntry', getEntry],
      ['deleteEntry', (key) => deleteEntry({ ...key, id: 5 })],
    ])('%s tells of a kernel that has ports what is missing', async (operation, run) => {
      const running = errorOf(run(unnamed));
      await serve(await accept(), errorMessage(EINVAL), errorMessage(ENOENT));
      const error = (await running) as ConntrackError;
      expect(error).toMatchObject({ code: 'EINVAL', operation });
      expect(error.message).toContain('the tuple has none');
    });
  },
);

test('a kernel that sends a port sends the port that was asked for', async () => {
  const key = { protocol: 'udplite', original: { ...addresses, ...ports } } as const;
  const getting = getEntry(key);
  const original = { ...addresses, protocol: 136, ports: [5, 7] as const };
  await serve(await accept(), entryMessage({ original, id: 5 }));
  expect(await getting).toBeUndefined();
});

describe('an error about a protocol that every kernel tracks alike says nothing of ports', () => {
  const tcp = { protocol: 'tcp', original: { ...addresses, ...ports }, timeout: 60 } as const;
  const esp = { protocol: 'esp', original: addresses, timeout: 60 } as const;

  test.each<[string, number, () => Promise<unknown>]>([
    ['a second entry of TCP', EEXIST, () => createEntry(tcp)],
    ['an entry of ESP', EINVAL, () => createEntry(esp)],
    ['a look for one of ESP', EINVAL, () => getEntry(esp)],
  ])('%s', async (_, errno, run) => {
    const running = errorOf(run());
    await serve(await accept(), errorMessage(errno), errorMessage(ENOENT));
    const error = (await running) as ConntrackError;
    expect(error).toMatchObject({ errno });
    expect(String(error)).not.toMatch(/the tuple has none|by its addresses alone/);
  });
});
