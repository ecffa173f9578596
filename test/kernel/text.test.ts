/**
 * Entries as text: what conntrack-tools prints, reads, and what this package does of it.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  createEntries,
  type Entry,
  type EntrySpec,
  type FormatOptions,
  flushEntries,
  formatEntry,
  listEntries,
  parseEntries,
  restoreEntries,
} from 'conntrack';
import { beforeEach, expect, test } from 'vitest';
import { listText, restoreText } from '../support/conntrack-tool.js';
import { isEmulated } from '../support/emulation.js';
import { hasFeature } from '../support/kernel-features.js';
import { nft, run, setting } from '../support/namespace.js';
import { describeInNamespace } from '../support/requirements.js';

const labels = new Map(Array.from({ length: 128 }, (_, bit) => [bit, `bit-${bit}`] as const));
const all = { id: true, timestamps: true, labels };

const FORMATS: readonly (readonly [output: string, options: FormatOptions])[] = [
  ['', {}],
  ['id', { id: true }],
  ['ktimestamp', { timestamps: true }],
  ['labels', { labels }],
  ['extended', { format: 'extended' }],
  ['extended,id,ktimestamp,labels', { format: 'extended', ...all }],
  ['save', { format: 'save' }],
  ['xml', { format: 'xml' }],
  ['xml,ktimestamp,labels', { format: 'xml', timestamps: true, labels }],
];

const HOSTS = [
  { source: '10.0.0.1', destination: '10.0.0.2', other: '192.0.2.9', icmp: ['icmp', 8] },
  { source: 'fd00::1', destination: '2001:db8:0:1::2', other: 'fd00::9', icmp: ['icmpv6', 128] },
] as const;

/** One entry of every kind, over both families. */
function specs(): EntrySpec[] {
  let port = 1000;
  return HOSTS.flatMap(({ source, destination, other, icmp: [icmp, type] }) => {
    const hosts = { source, destination };
    const flow = () => ({
      original: { ...hosts, sourcePort: port++, destinationPort: 53 },
      timeout: 60_000,
    });
    const states = ['SYN_SENT', 'ESTABLISHED', 'TIME_WAIT', 'NONE'] as const;
    const sctp = ['CLOSED', 'ESTABLISHED', 'SHUTDOWN_ACK_SENT'] as const;
    return [
      ...states.map((state) => ({ protocol: 'tcp' as const, ...flow(), tcp: { state } })),
      ...sctp.map((state) => ({
        ...{ protocol: 'sctp' as const, ...flow() },
        sctp: { state, originalTag: 0x12345678, replyTag: 0xfedcba98 },
      })),
      { protocol: 'udp', ...flow() },
      { protocol: 'udp', ...flow(), status: ['seenReply'] },
      { protocol: 'udp', ...flow(), status: ['seenReply', 'assured', 'fixedTimeout'], mark: 7 },
      { protocol: 'udp', ...flow(), zone: 9 },
      { protocol: 'udp', original: { ...flow().original, zone: 5 }, timeout: 60_000 },
      {
        ...{ protocol: 'udp', ...flow() },
        reply: {
          ...{ source: destination, destination: source },
          ...{ sourcePort: 53, destinationPort: port - 1, zone: 6 },
        },
      },
      { protocol: 'udp', ...flow(), nat: { source: { address: other } } },
      { protocol: 'udp', ...flow(), nat: { source: { address: other, port: 99 } } },
      { protocol: 'tcp', ...flow(), nat: { destination: { address: other, port: 99 } } },
      {
        ...{ protocol: 'tcp', ...flow() },
        nat: { source: { address: other, port: 7 }, destination: { address: other } },
      },
      { protocol: 'udp', ...flow(), nat: { destination: { address: destination, port: 99 } } },
      { protocol: 'udp', ...flow(), labels: (1n << 127n) | 0x21n },
      // Without ports the tool reads none back.
      ...(hasFeature('udplitePorts') ? [{ protocol: 'udplite' as const, ...flow() }] : []),
      { protocol: 'gre', original: { ...hosts, sourceKey: 1, destinationKey: 65535 }, timeout: 99 },
      { protocol: icmp, original: { ...hosts, icmp: { type, code: 0, id: 77 } }, timeout: 99 },
      {
        ...{ protocol: icmp, original: { ...hosts, icmp: { type, code: 0, id: 78 } } },
        ...{ timeout: 99, nat: { source: { address: other } } },
      },
      { protocol: 50, original: hosts, timeout: 99 },
      { protocol: 253, original: hosts, timeout: 60_000 },
    ] satisfies EntrySpec[];
  });
}

async function createAll(wanted: readonly EntrySpec[]): Promise<void> {
  const results = await createEntries(wanted);
  expect(results.flatMap(({ error }) => error ?? [])).toEqual([]);
}

/**
 * What counts down or up: in emulation more than a second passes between two lists. And how often an
 * entry is in use: 5.10 counts the one at which a dump has paused.
 */
const TICKING =
  /(?<=^\S+ +\d+ (?:\S+ +\d+ )?|-t |<timeout>|delta-time=|<deltatime>|use=|<use>)\d+(?= |<|$)/gm;
const still = (text: string) => (isEmulated ? text.replace(TICKING, 'N') : text);

/** What the tool and this package print in one second, in which nothing changes. */
async function bothTexts(output: string, options: FormatOptions) {
  const ours = (entries: readonly Entry[]) =>
    entries.map((entry) => still(formatEntry(entry, options))).sort();
  for (let round = 0; round < 50; round++) {
    const before = ours(await listEntries());
    const theirs = listText(output).map(still).sort();
    const after = ours(await listEntries());
    if (before.join('\n') === after.join('\n')) return { ours: after, theirs };
  }
  throw new Error('the table did not stand still');
}

/** What a line of this output has of an entry. */
function carried(entry: Entry, output: string): object {
  const isSave = output === 'save';
  const { protocolNumber, original, reply, zone, nat, tcp, sctp, status } = entry.toJSON();
  const { seenReply, assured, fixedTimeout } = status;
  return {
    ...{ protocolNumber, original, reply, zone, nat, state: tcp?.state },
    sctp: isSave ? sctp : sctp?.state,
    status: { seenReply, assured, fixedTimeout: isSave && fixedTimeout },
    mark: isSave ? undefined : entry.mark,
    labels: output.includes('labels') ? entry.labels?.toString() : undefined,
  };
}

const sorted = (entries: readonly Entry[], output: string) =>
  entries.map((entry) => JSON.stringify(carried(entry, output))).sort();

describeInNamespace('conntrack', 'nft')('text', () => {
  beforeEach(async () => {
    nft('flush ruleset');
    nft(`table inet labels {
      chain c { type filter hook output priority 0; meta mark 99 ct label set 5; }
      chain nat { type nat hook postrouting priority 0; }
    }`);
    setting('acct', 1);
    setting('timestamp', 1);
    await flushEntries();
  });

  test.each(FORMATS)('of conntrack -L -o "%s"', async (output, options) => {
    await createAll(specs());
    setting('acct', 0);
    setting('timestamp', 0);
    await createAll([
      {
        protocol: 'udp',
        original: {
          source: '10.0.0.3',
          destination: '10.0.0.4',
          sourcePort: 1,
          destinationPort: 2,
        },
        timeout: 60,
      },
    ]);
    const { ours, theirs } = await bothTexts(output, options);
    expect(ours).toEqual(theirs);
    expect(ours).toHaveLength(specs().length + 1);
  });

  test.each(['', 'extended,id,ktimestamp,labels', 'save'])(
    'of conntrack -L -o "%s" is read, and creates the same entries',
    async (output) => {
      await createAll(specs());
      const before = await listEntries();
      const text = listText(output).join('\n');
      await flushEntries();
      await createAll(parseEntries(text, { labels }));
      const after = await listEntries();
      expect(sorted(after, output)).toEqual(sorted(before, output));
    },
  );

  test('as formatEntry() saves it is read by conntrack -R', async () => {
    // Of two translations the tool loses the port of the source.
    await createAll(specs().filter(({ nat }) => !(nat?.source && nat.destination)));
    const before = await listEntries();
    const folder = mkdtempSync(join(tmpdir(), 'conntrack-text-'));
    try {
      const file = join(folder, 'table');
      const lines = before.map((entry) => formatEntry(entry, { format: 'save' }));
      writeFileSync(file, `# a table\n\n${lines.join('\n')}\n`);
      await flushEntries();
      restoreText(file);
    } finally {
      rmSync(folder, { recursive: true });
    }
    const saved = (entries: Entry[]) =>
      entries
        .map((entry) => formatEntry({ ...entry.toJSON(), timeout: 1 }, { format: 'save' }))
        .sort();
    expect(saved(await listEntries())).toEqual(saved(before));
  });

  test('of a helper', async () => {
    await createAll([
      {
        ...{ protocol: 'tcp', timeout: 60_000, helper: 'ftp', tcp: { state: 'ESTABLISHED' } },
        original: {
          source: '10.0.0.3',
          destination: '10.0.0.4',
          sourcePort: 1,
          destinationPort: 21,
        },
      },
    ]);
    for (const [output, options] of FORMATS) {
      const { ours, theirs } = await bothTexts(output, options);
      expect(ours).toEqual(theirs);
    }
    const [line = ''] = listText('');
    await flushEntries();
    await createAll(parseEntries(line));
    expect((await listEntries())[0]?.helper).toBe('ftp');
  });

  test.each([
    ['restoreEntries()', (lines: string[]) => restoreEntries(Readable.from(lines))],
    ['parseEntries()', ([line = '']: string[]) => createEntries(parseEntries(line))],
  ])('%s: a connection goes on, and no packet of it is invalid', async (_, restore) => {
    nft(`table inet t {
      chain output {
        type filter hook output priority 0
        ct state invalid counter drop
      }
    }`);
    setting('tcp_loose', 0); // no packet makes an entry of it anew
    await using server = await Sink.listen();
    for (const format of ['save', 'line', 'extended'] as const) {
      const client = connect(server.port, '127.0.0.1');
      await once(client, 'connect');
      await server.take(client, 3_000_000);
      const [entry] = await listEntries({ original: { sourcePort: client.localPort ?? 0 } });
      // Of a window without its scale a packet is outside.
      expect(entry?.tcp?.original.windowScale).toBeGreaterThan(0);
      await flushEntries();
      await restore([formatEntry(entry as Entry, { format })]);
      await server.take(client, 30_000_000);
      client.destroy();
    }
    expect(run('nft', 'list', 'ruleset')).toContain('invalid counter packets 0 ');
  });
});

/** A server that takes what it is sent. */
class Sink implements AsyncDisposable {
  #taken = 0;
  readonly #server = createServer((socket) => {
    socket.on('data', (piece) => (this.#taken += piece.length));
  });

  static async listen(): Promise<Sink> {
    const sink = new Sink();
    sink.#server.listen(0, '127.0.0.1');
    await once(sink.#server, 'listening');
    return sink;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Sends so many bytes to it, and waits until they have come. */
  async take(client: Socket, bytes: number): Promise<void> {
    const total = this.#taken + bytes;
    client.write(Buffer.alloc(bytes));
    await expect.poll(() => this.#taken, { timeout: 20_000 }).toBe(total);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    await once(this.#server, 'close');
  }
}
