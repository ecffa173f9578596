/**
 * Records of flows as log records of OpenTelemetry.
 *
 * @module
 */
import type { FlowPart, FlowRecord } from '../flow-record.js';

/** A value of an attribute. */
export type LogValue = string | number | boolean | string[];

/** What a log record is about: the `Resource` of OpenTelemetry. */
export interface LogResource {
  readonly attributes: Record<string, LogValue>;
  /** Returns the same resource: nothing is merged with it. */
  merge(): LogResource;
  /** The same as `attributes`, in pairs. */
  getRawAttributes(): [string, LogValue][];
}

/** A log record: a `ReadableLogRecord` of OpenTelemetry. */
export interface FlowLogRecord {
  /** Seconds and nanoseconds since 1970. */
  readonly hrTime: [number, number];
  readonly hrTimeObserved: [number, number];
  /** `INFO` or `WARN`. */
  readonly severityNumber: 9 | 13;
  readonly severityText: 'INFO' | 'WARN';
  /** `conntrack.flow`, `conntrack.lost`, `conntrack.gap` or `conntrack.notice`. */
  readonly eventName: string;
  readonly body: string;
  readonly attributes: Record<string, LogValue>;
  readonly droppedAttributesCount: number;
  readonly resource: LogResource;
  readonly instrumentationScope: { readonly name: string };
}

/** One object: exporters group log records by its identity. */
const SCOPE = { name: 'conntrack/flow-log' };

/** Fields of a tuple that the semantic conventions have names for. */
const ENDPOINTS: Readonly<Record<string, string>> = {
  source: 'source.address',
  sourcePort: 'source.port',
  destination: 'destination.address',
  destinationPort: 'destination.port',
};

/** The protocols that are transport to the semantic conventions. */
const TRANSPORTS: ReadonlySet<string> = new Set(['tcp', 'udp', 'udplite', 'sctp', 'dccp']);

/** `uid`: what backends remove repetitions by. */
export function logRecordOf(
  record: FlowRecord,
  uid: string,
  resource: LogResource,
  observed: Date,
): FlowLogRecord {
  const isFlow = record.type === 'flow';
  return {
    hrTime: hrTimeOf(timeOf(record)),
    hrTimeObserved: hrTimeOf(observed),
    severityNumber: isFlow ? 9 : 13,
    severityText: isFlow ? 'INFO' : 'WARN',
    eventName: `conntrack.${record.type}`,
    body: bodyOf(record),
    attributes: attributesOf(record, uid),
    droppedAttributesCount: 0,
    resource,
    instrumentationScope: SCOPE,
  };
}

function timeOf(record: FlowRecord): Date {
  return 'to' in record ? record.to : record.at;
}

function hrTimeOf(date: Date): [number, number] {
  const milliseconds = date.getTime();
  const seconds = Math.floor(milliseconds / 1000);
  return [seconds, (milliseconds - 1000 * seconds) * 1_000_000];
}

function bodyOf(record: FlowRecord): string {
  switch (record.type) {
    case 'flow': {
      const { protocol, original, outcome } = record;
      const source = endpointOf(original.source, original.sourcePort);
      const destination = endpointOf(original.destination, original.destinationPort);
      return `${protocol} ${source} -> ${destination} ${outcome}`;
    }
    case 'lost':
      return `${record.count} events are lost (${record.cause})`;
    case 'gap':
      return `no recorder ran from ${record.from.toJSON()} to ${record.to.toJSON()}`;
    case 'notice':
      return record.message;
  }
}

function endpointOf(address: string, port: number | undefined): string {
  if (port === undefined) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function attributesOf(record: FlowRecord, uid: string): Record<string, LogValue> {
  const attributes: Record<string, LogValue> = { 'log.record.uid': uid };
  if (record.type !== 'flow') {
    const { type: _, ...fields } = record;
    add(attributes, ROOT, fields);
    return attributes;
  }
  const { type: _, family, original, ...others }: FlowPart = record;
  attributes['network.type'] = family;
  if (TRANSPORTS.has(record.protocol)) attributes['network.transport'] = record.protocol;
  for (const [name, value] of Object.entries(original) as [string, unknown][]) {
    const known = ENDPOINTS[name];
    if (known === undefined) add(attributes, ORIGINAL, { [name]: value });
    else if (value !== undefined) attributes[known] = value as LogValue;
  }
  add(attributes, ROOT, others);
  return attributes;
}

/**
 * The name of an attribute, with those of the fields in it: `deletedBy.portId` is
 * `deleted_by.port_id`. To make the text again for each record took half of the time of an export.
 */
class AttributeName {
  readonly text: string;
  readonly #fields = new Map<string, AttributeName>();

  constructor(text: string) {
    this.text = text;
  }

  of(field: string): AttributeName {
    const known = this.#fields.get(field);
    if (known !== undefined) return known;
    const words = field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const name = new AttributeName(`${this.text}.${words}`);
    // Records have fewer fields; what else a caller passes is not kept.
    if (this.#fields.size < MOST_FIELDS) this.#fields.set(field, name);
    return name;
  }
}

const MOST_FIELDS = 64;
const ROOT = new AttributeName('conntrack');
const ORIGINAL = ROOT.of('original');

/** Adds each field of an object, and of those in it. */
function add(to: Record<string, LogValue>, prefix: AttributeName, fields: object): void {
  for (const [field, value] of Object.entries(fields) as [string, unknown][]) {
    if (value === undefined) continue;
    const name = prefix.of(field);
    if (value instanceof Date) to[name.text] = value.toJSON();
    else if (isGroup(value)) add(to, name, value);
    else to[name.text] = value as LogValue;
  }
}

function isGroup(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
