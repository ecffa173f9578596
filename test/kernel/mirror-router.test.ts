/**
 * A mirror of a router that translates addresses, under real TCP and UDP traffic of two hosts.
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import {
  deleteEntries,
  type Entry,
  listEntries,
  MIRROR_INDEXES,
  mirrorTable,
  type TableMirror,
} from 'conntrack';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nft, run, setting } from '../support/namespace.js';
import { OtherNetwork } from '../support/other-network.js';
import { Random } from '../support/random.js';
import { describeInNamespace } from '../support/requirements.js';

const SECONDS = Number(process.env.CONNTRACK_CHURN_SECONDS ?? 4);
/** Each case takes half of that. */
const LIMIT = 45_000 + 1000 * SECONDS;
const SEED = Number(process.env.CONNTRACK_SEED ?? Date.now() % 1e6);

const PUBLIC = '198.51.100.1';
const ROUTER = { inside: '10.10.0.1', outside: '10.20.0.1' };
const CLIENT = '10.10.0.2';
const SERVER = '10.20.0.2';
const PORT = 7000;
/** Where the clients find the server, behind DNAT. */
const SERVICE = { address: PUBLIC, port: 80 };

const fixture = (name: string) => fileURLToPath(new URL(`../support/${name}.mjs`, import.meta.url));

/** What lasts of a flow: the table shows it, and events tell it. */
const known = ({ protocol, original, reply, id, status, mark, tcp }: Entry) =>
  JSON.stringify([protocol, original, reply, id, status.bits, mark ?? 0, tcp?.state]);
const linesOf = (entries: Iterable<Entry>) => Array.from(entries, known).sort();

describeInNamespace(
  'conntrack',
  'nft',
  'ip',
  'unshare',
)(`a mirror of a router (seed ${SEED})`, () => {
  let client: OtherNetwork;
  let server: OtherNetwork;

  beforeAll(async () => {
    client = await OtherNetwork.create();
    server = await OtherNetwork.create();
    for (const [host, name, own, address] of [
      [client, 'inside', ROUTER.inside, CLIENT],
      [server, 'outside', ROUTER.outside, SERVER],
    ] as const) {
      run(
        'ip',
        'link',
        'add',
        name,
        'type',
        'veth',
        'peer',
        'name',
        'eth0',
        'netns',
        String(host.pid),
      );
      run('ip', 'address', 'add', `${own}/24`, 'dev', name);
      run('ip', 'link', 'set', name, 'up');
      host.run('ip', 'address', 'add', `${address}/24`, 'dev', 'eth0');
      host.run('ip', 'link', 'set', 'eth0', 'up');
      host.run('ip', 'route', 'add', 'default', 'via', own);
    }
    writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
    nft(`table ip router {
      chain to { type nat hook prerouting priority dstnat;
        ip daddr ${PUBLIC} tcp dport ${SERVICE.port} dnat to ${SERVER}:${PORT};
        ip daddr ${PUBLIC} udp dport ${SERVICE.port} dnat to ${SERVER}:${PORT};
      }
      chain from { type nat hook postrouting priority srcnat; oifname outside snat to ${PUBLIC}; }
    }`);
    // The server answers to the public address.
    server.run('ip', 'route', 'add', `${PUBLIC}/32`, 'via', ROUTER.outside);
  });

  afterAll(async () => {
    await client[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  test.each([
    ['default buffers', undefined],
    ['a buffer that overruns', 4096],
  ])(
    'equals a fresh dump when the traffic pauses, with %s',
    async (_, receiveBufferBytes) => {
      setting('events', 2);
      const random = new Random(SEED);
      const serving = server.start(process.execPath, fixture('echo-server'), SERVER, String(PORT));
      const talking = client.start(
        process.execPath,
        fixture('talking-client'),
        PUBLIC,
        '80',
        SERVER,
        String(PORT),
      );
      const answers = createInterface({ input: talking.stdout as NodeJS.ReadableStream });
      try {
        await once(createInterface({ input: serving.stdout as NodeJS.ReadableStream }), 'line');
        await using mirror = await mirrorTable({ receiveBufferBytes, indexes: MIRROR_INDEXES });
        const end = performance.now() + 500 * SECONDS;
        let flows = 0;
        do {
          const done = once(answers, 'line');
          talking.stdin?.write(`${random.below(1 << 30)}\n`);
          if (random.below(3) === 0) await deleteEntries({ protocol: 'udp', port: PORT });
          await done;
          for (const entry of await entriesInStep(mirror)) {
            // A late answer to a flow that was deleted begins one of the server.
            if (entry.original.source !== CLIENT) continue;
            expectFound(mirror, entry);
            flows++;
          }
        } while (performance.now() < end);
        expect(flows).toBeGreaterThan(100);
        expect(mirror.synced).toBe(true);
      } finally {
        talking.kill();
        serving.kill();
        await Promise.all([once(talking, 'exit'), once(serving, 'exit')]);
      }
    },
    LIMIT,
  );

  /** The entries that a list and the mirror agree upon. */
  async function entriesInStep(mirror: TableMirror): Promise<Entry[]> {
    let entries: Entry[] = [];
    await expect
      .poll(
        async () => {
          entries = await listEntries();
          const lines = linesOf(entries);
          await mirror.caughtUp();
          const ours = linesOf(mirror);
          return {
            missing: lines.filter((line) => !ours.includes(line)).slice(0, 3),
            surplus: ours.filter((line) => !lines.includes(line)).slice(0, 3),
          };
        },
        { message: `seed ${SEED}`, timeout: 10_000, interval: 20 },
      )
      .toEqual({ missing: [], surplus: [] });
    return entries;
  }

  /** By what the server sees, by what the client sees, and by the service. */
  function expectFound(mirror: TableMirror, { protocol, original, reply, id }: Entry): void {
    for (const { source, destination, sourcePort, destinationPort } of [original, reply]) {
      const found = mirror.find({ protocol, source, destination, sourcePort, destinationPort });
      expect(found?.id).toBe(id);
      expect(found?.original.source).toBe(CLIENT);
    }
    const ids = (entries: Iterable<Entry>) => Array.from(entries, (entry) => entry.id);
    const { destination: address, destinationPort: port = 0 } = original;
    expect(ids(mirror.findAll({ address, port }))).toContain(id);
    expect(ids(mirror.findAll({ address: SERVER, port: PORT }))).toContain(id);
  }
});
