/**
 * Records become messages.
 */
import type { MsgHdrs } from '@nats-io/transport-node';
import { typeError } from '../../core/errors.js';
import type { FlowRecord } from '../flow-record.js';
import type { Peers } from './peers.js';
import { hostToken } from './subject.js';

/** A message, as the client takes it. */
export interface Message {
  readonly subject: string;
  readonly payload: string;
  readonly headers: MsgHdrs;
}

const TYPES: ReadonlySet<string> = new Set(['flow', 'lost', 'gap', 'notice']);

/** The server keeps one message of an id. */
const ID = 'Nats-Msg-Id';
const EXPECTED_STREAM = 'Nats-Expected-Stream';
/** In each message: no end of a flow of its host is missing until then. */
export const UNTIL = 'Flow-Log-Until';

export class Messages {
  readonly #headers: Peers['headers'];
  readonly #subject: string;
  readonly #stream: string;
  /** Of records without a name of their own: as long as they may be written again. */
  readonly #ids = new WeakMap<FlowRecord, string>();
  /** Of those with the last time that was met, how many there were of each kind. */
  #kinds = new Map<string, number>();
  #time = 0;

  constructor(headers: Peers['headers'], subject: string, stream: string) {
    this.#headers = headers;
    this.#subject = subject;
    this.#stream = stream;
  }

  /** @throws TypeError for what is no record, naming it. */
  check(records: readonly unknown[]): void {
    for (const [index, record] of records.entries()) {
      const { type } = (record ?? {}) as Partial<FlowRecord>;
      if (type !== undefined && TYPES.has(type)) continue;
      throw typeError(`records[${index}]`, 'must be a record of a flow log');
    }
  }

  /** `until`: until when all ends of flows are in the stream once it has this message. */
  of(record: FlowRecord, until: Date | undefined): Message {
    const headers = this.#headers();
    headers.set(ID, this.#idOf(record));
    headers.set(EXPECTED_STREAM, this.#stream);
    if (until !== undefined) headers.set(UNTIL, until.toJSON());
    return { subject: `${this.#subject}.${record.type}`, payload: JSON.stringify(record), headers };
  }

  #idOf(record: FlowRecord): string {
    if (record.type === 'flow') {
      return `${hostToken(record.flow, 'record.flow')}/${record.part}`;
    }
    let id = this.#ids.get(record);
    if (id === undefined) {
      id = this.#newId(record);
      this.#ids.set(record, id);
    }
    return id;
  }

  /** Two records may say the same. */
  #newId(record: Exclude<FlowRecord, { type: 'flow' }>): string {
    const time = Number(record.type === 'gap' ? record.to : record.at);
    if (time !== this.#time) this.#kinds = new Map();
    this.#time = time;
    const kind = `${this.#subject}.${record.type}/${time}/${detailOf(record)}`;
    const number = (this.#kinds.get(kind) ?? 0) + 1;
    this.#kinds.set(kind, number);
    return `${kind}/${number}`;
  }
}

function detailOf(record: Exclude<FlowRecord, { type: 'flow' }>): string {
  switch (record.type) {
    case 'lost':
      return `${record.cause}/${record.count}`;
    case 'gap':
      return String(Number(record.from));
    case 'notice':
      return record.code;
  }
}
