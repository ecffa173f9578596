/**
 * Datagrams through the loopback device: flows whose packets and bytes are known.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { deleteEntries, type Entry, updateEntry } from 'conntrack';
import type { Ledger } from '../ledger.js';
import type { Activity } from '../schedule.js';
import type { Tallies } from '../tallies.js';

/** Where all of them go to. */
export const SINK = 7;
const FIRST_PORT = 20_000;
const PORTS = 40_000;
const FLOWS = 4; // a turn, of each family

const FAMILIES = [
  { type: 'udp4', address: '127.0.0.1', headers: 28 },
  { type: 'udp6', address: '::1', headers: 48 },
] as const;

interface Sent {
  readonly port: number;
  readonly packets: number;
  readonly bytes: number;
}

export class Traffic implements Activity, AsyncDisposable {
  readonly name = 'traffic';
  readonly pause = 200;
  readonly #ledger: Ledger;
  readonly #tallies: Tallies;
  readonly #sinks: readonly Socket[];
  #turn = 0;

  private constructor(ledger: Ledger, tallies: Tallies, sinks: readonly Socket[]) {
    this.#ledger = ledger;
    this.#tallies = tallies;
    this.#sinks = sinks;
  }

  static async open(ledger: Ledger, tallies: Tallies): Promise<Traffic> {
    const sinks = FAMILIES.map(({ type, address }) => createSocket(type).bind(SINK, address));
    await Promise.all(sinks.map((sink) => once(sink, 'listening')));
    return new Traffic(ledger, tallies, sinks);
  }

  async turn(): Promise<void> {
    const first = FIRST_PORT + ((this.#turn++ * FLOWS) % PORTS);
    for (const family of FAMILIES) {
      const sent: Sent[] = [];
      for (let index = 0; index < FLOWS; index++)
        sent.push(await this.#send(family, first + index));
      // Half of them are deleted, the others time out.
      await this.#delete(family.address, sent.slice(0, FLOWS / 2));
      await Promise.all(
        sent.slice(FLOWS / 2).map(({ port }) => this.#expire(family.address, port)),
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.#sinks.map((sink) => once(sink, 'close'));
    for (const sink of this.#sinks) sink.close();
    await Promise.all(closed);
  }

  async #send(family: (typeof FAMILIES)[number], port: number): Promise<Sent> {
    const { type, address, headers } = family;
    const socket = createSocket(type).bind(port, address);
    await once(socket, 'listening');
    const packets = 1 + (port % 5);
    const size = 1 + (port % 900);
    for (let packet = 0; packet < packets; packet++) {
      await new Promise<void>((resolve, reject) => {
        socket.send(Buffer.alloc(size), SINK, address, (error) => {
          if (error === null) resolve();
          else reject(error);
        });
      });
    }
    socket.close();
    const sent = { port, packets, bytes: packets * (size + headers) };
    this.#ledger.created++;
    this.#ledger.traffic.packets += sent.packets;
    this.#ledger.traffic.bytes += sent.bytes;
    return sent;
  }

  async #delete(address: string, flows: readonly Sent[]): Promise<void> {
    const filters = flows.map(({ port }) => ({ original: { source: address, sourcePort: port } }));
    const { entries } = await deleteEntries(filters, { entries: true });
    this.#tallies.requests += flows.length;
    const counted = entries.map(sentOf).sort(byPort);
    const expected = JSON.stringify(flows);
    this.#tallies.expect(
      JSON.stringify(counted) === expected,
      `traffic: deleted ${JSON.stringify(counted)}, sent ${expected}`,
    );
  }

  async #expire(address: string, port: number): Promise<void> {
    const original = {
      source: address,
      destination: address,
      sourcePort: port,
      destinationPort: SINK,
    };
    // On a slow machine it is changed, but ends before it can be read.
    const change = updateEntry({ protocol: 'udp', original }, { timeout: 1 });
    await this.#tallies.refusable(change, ['ENOENT']);
    this.#ledger.updated++;
  }
}

const byPort = (one: Sent, other: Sent) => one.port - other.port;

function sentOf({ original, counters }: Entry): Sent {
  return {
    port: original.sourcePort ?? 0,
    packets: counters?.original.packets ?? -1,
    bytes: counters?.original.bytes ?? -1,
  };
}
