/**
 * A durable consumer that knows who has sent the most in the last five minutes.
 */
import {
  AckPolicy,
  type Consumer,
  DeliverPolicy,
  type JsMsg,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream';
import { type NatsConnection, nanos } from '@nats-io/transport-node';
import { type FlowPart, parseFlowRecord } from 'conntrack/flow-log';

const WINDOW_MS = 300_000;
const STEP_MS = 1000;

/** What a source has sent and got. */
interface Sum {
  flows: number;
  packets: number;
  bytes: number;
}

/** What ended within a second. */
interface Step {
  /** By `flow` and `part`: a message may come again. */
  readonly names: Set<string>;
  readonly sources: Map<string, Sum>;
}

export class TopTalkers {
  /** Records that were counted, and those that came again. */
  readonly counts = { records: 0, repeated: 0 };
  /** When the connection has ended. */
  readonly ended: Promise<void>;
  readonly #consumer: Consumer;
  readonly #steps = new Map<number, Step>();
  readonly #seen: (host: string, part: FlowPart) => void;

  private constructor(
    consumer: Consumer,
    messages: AsyncIterable<JsMsg>,
    seen: (host: string, part: FlowPart) => void,
  ) {
    this.#consumer = consumer;
    this.#seen = seen;
    this.ended = this.#read(messages);
  }

  /**
   * Reads the flows of all hosts. The server remembers what was acknowledged, and sends the rest
   * again; this window is in memory alone, so it begins anew with what is left of it in the stream.
   */
  static async start(
    connection: NatsConnection,
    seen: (host: string, part: FlowPart) => void = () => {},
  ): Promise<TopTalkers> {
    const manager = await jetstreamManager(connection);
    await manager.consumers.add('FLOWS', {
      durable_name: 'top-talkers',
      filter_subject: 'flows.*.flow',
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(5000),
      deliver_policy: DeliverPolicy.All,
      max_ack_pending: 4096,
    });
    const consumer = await jetstream(connection).consumers.get('FLOWS', 'top-talkers');
    return new TopTalkers(consumer, await consumer.consume({ max_messages: 1024 }), seen);
  }

  /**
   * Returns whether all that the stream has is counted. What was on its way when the server ended comes
   * again after `ack_wait`, behind younger records.
   */
  async hasAll(): Promise<boolean> {
    const { num_pending, num_ack_pending } = await this.#consumer.info();
    return num_pending === 0 && num_ack_pending === 0;
  }

  /** The sources with the most bytes. */
  table(count: number, now = Date.now()): string {
    const sums = new Map<string, Sum>();
    for (const { sources } of this.#recent(now)) {
      for (const [source, sum] of sources) add(sums, source, sum);
    }
    const rows = [...sums].sort(([, a], [, b]) => b.bytes - a.bytes).slice(0, count);
    return [
      `${'SOURCE'.padEnd(40)}${'FLOWS'.padStart(12)}${'PACKETS'.padStart(14)}${'BYTES'.padStart(18)}`,
      ...rows.map(
        ([source, { flows, packets, bytes }]) =>
          `${source.padEnd(40)}${shown(flows, 12)}${shown(packets, 14)}${shown(bytes, 18)}`,
      ),
    ].join('\n');
  }

  *#recent(now: number): Generator<Step, void> {
    for (const [time, step] of this.#steps) {
      if (time < now - WINDOW_MS) this.#steps.delete(time);
      else yield step;
    }
  }

  async #read(messages: AsyncIterable<JsMsg>): Promise<void> {
    for await (const message of messages) {
      const record = parseFlowRecord(message.string());
      if (record.type === 'flow') this.#count(message, record);
      // Not before it is counted: what is not acknowledged comes again.
      message.ack();
    }
  }

  #count(message: JsMsg, part: FlowPart): void {
    const time = part.to.getTime();
    const step = this.#stepOf(time - (time % STEP_MS));
    const name = `${part.flow}/${part.part}`;
    if (step.names.has(name)) {
      this.counts.repeated++;
      return;
    }
    step.names.add(name);
    this.counts.records++;
    const { original, reply } = part.traffic ?? NONE;
    add(step.sources, part.original.source, {
      flows: part.outcome === 'open' ? 0 : 1,
      packets: original.packets + reply.packets,
      bytes: original.bytes + reply.bytes,
    });
    const [, host = ''] = message.subject.split('.');
    this.#seen(decodeURIComponent(host), part);
  }

  #stepOf(time: number): Step {
    let step = this.#steps.get(time);
    if (step === undefined) {
      step = { names: new Set(), sources: new Map() };
      this.#steps.set(time, step);
      // What is too old goes, also where nobody asks for a table.
      for (const _ of this.#recent(Date.now()));
    }
    return step;
  }
}

const NOTHING = { packets: 0, bytes: 0 };
const NONE = { original: NOTHING, reply: NOTHING };

function add(sums: Map<string, Sum>, source: string, { flows, packets, bytes }: Sum): void {
  const sum = sums.get(source) ?? { flows: 0, packets: 0, bytes: 0 };
  sum.flows += flows;
  sum.packets += packets;
  sum.bytes += bytes;
  sums.set(source, sum);
}

function shown(number: number, width: number): string {
  return number.toLocaleString('en').padStart(width);
}
