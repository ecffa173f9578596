/**
 * Explains where each condition of a filter is evaluated. native/wire/encode.cc decides; this
 * file gives the reasons.
 */
import { errorOfFailure, errorOfPlainFailure, typeError } from '../core/errors.js';
import { FEATURES } from '../core/features.js';
import { loadAddon } from '../core/load-addon.js';
import { PROTOCOL_NUMBERS } from '../core/names.js';
import type { FilterSupport, NetNamespaceArgument, Outcome } from '../core/native.js';
import { ASKED_FIELDS, FAMILY_NUMBERS, FILTER, FILTER_PRESENT } from '../record/layout.js';
import { LITTLE_ENDIAN } from '../record/words.js';
import type { CheckedFilter, NamedFilter } from './check-filter.js';
import { type CompiledFilter, compileFilter } from './compile.js';
import type { EntryFilter, FilterLookup, FilterPlan, PlannedField, TupleFilter } from './filter.js';

type Asked = keyof typeof ASKED_FIELDS;

/** One condition: its part of the request, and the reason if the kernel does not evaluate it. */
interface Condition {
  readonly field: string;
  readonly asked?: Asked;
  readonly otherwise: string;
}

export function planFilter(
  operation: string,
  filter: EntryFilter | readonly EntryFilter[],
  netns?: NetNamespaceArgument,
): FilterPlan {
  if ((filter as unknown) === undefined) {
    throw typeError('filter', 'must be a filter or an array of filters, not undefined');
  }
  const { ask, filters, records, isFamily } = compileFilter(filter);
  const lookup = isFamily || records === undefined ? NO_LOOKUP : loadAddon().filterLookup(records);
  if (lookup.failure !== undefined) throw errorOfFailure(operation, lookup.failure);
  if (ask === undefined) return { passes: [], fields: [], lookup };
  const asked = loadAddon().askedFields(ask);
  const support = asked === 0 ? undefined : probe(operation, netns);
  const fields = fieldsOf(filters, ask, asked, support);
  return { passes: passesOf(ask, asked), fields, lookup };
}

/** No entry is compared. */
const NO_LOOKUP: FilterLookup & Outcome = { indexed: 0, looks: 0, compared: 0 };

/** What the kernel is asked to evaluate, without a look at what it can. */
export function askedFields({ ask, filters }: CompiledFilter): PlannedField[] {
  if (ask === undefined) return [];
  const all = { tuple: true, status: true, zone: true };
  return fieldsOf(filters, ask, loadAddon().askedFields(ask), all);
}

function fieldsOf(
  filters: readonly NamedFilter[],
  ask: ArrayBuffer,
  asked: number,
  support: FilterSupport | undefined,
): PlannedField[] {
  const several = filters.length > 1;
  return filters.flatMap((one) =>
    conditionsOf(one).map((condition) =>
      several ? ofSeveral(condition, ask) : plan(condition, asked, support),
    ),
  );
}

function plan(
  { field, asked, otherwise }: Condition,
  askedFields: number,
  support: FilterSupport | undefined,
): PlannedField {
  if (field.endsWith('.family')) return { field, evaluatedBy: 'kernel', reason: 'nfgen_family' };
  if (asked === undefined || (askedFields & ASKED_FIELDS[asked]) === 0 || support === undefined) {
    return { field, evaluatedBy: 'package', reason: otherwise };
  }
  const refusal = refusalOf(asked, askedFields, support);
  if (refusal !== undefined) return { field, evaluatedBy: 'package', reason: refusal };
  if (asked === 'mark') return { field, evaluatedBy: 'kernel', reason: 'CTA_MARK' };
  const { attribute, since, probe } = featureOf(asked);
  const answer = support[probe];
  if (answer === false) {
    const reason = `this kernel ignores ${attribute}, which needs Linux ${since}`;
    return { field, evaluatedBy: 'package', reason };
  }
  const doubt = answer === undefined ? '; no entry of zone 0 tells whether this kernel does' : '';
  return { field, evaluatedBy: 'kernel', reason: `${attribute}, since Linux ${since}${doubt}` };
}

/** Why the package leaves the condition out of its request: see DumpReader::ask_for_less. */
function refusalOf(asked: Asked, askedFields: number, support: FilterSupport): string | undefined {
  const { statusFilter, tupleFilter, zoneFilter } = FEATURES;
  const own = asked === 'mark' ? undefined : featureOf(asked);
  if (own !== undefined && support[own.probe] === 'refused') {
    const option = own === zoneFilter ? `: it was built without ${own.option}` : '';
    return `this kernel refuses ${own.attribute}${option}`;
  }
  const asks = {
    tuple: askedFields % ASKED_FIELDS.mark,
    status: askedFields & ASKED_FIELDS.status,
  };
  for (const { attribute, probe } of [tupleFilter, statusFilter]) {
    if (asks[probe] !== 0 && support[probe] === 'refused') {
      return `this kernel refuses ${attribute} in the same request`;
    }
  }
  return undefined;
}

/** What compares it in the kernel. */
function featureOf(asked: Exclude<Asked, 'mark'>) {
  if (asked === 'status') return FEATURES.statusFilter;
  return asked === 'zone' ? FEATURES.zoneFilter : FEATURES.tupleFilter;
}

function ofSeveral({ field }: Condition, ask: ArrayBuffer): PlannedField {
  const family = field.endsWith('.family') && familyOf(ask) !== undefined;
  return family
    ? { field, evaluatedBy: 'kernel', reason: 'nfgen_family: all filters have the same family' }
    : { field, evaluatedBy: 'package', reason: NO_OR };
}

const NO_OR =
  'the kernel cannot combine filters; it evaluates only a family that all of them share';
const NOT_IN_KERNEL = 'the kernel has no such filter';
const REPLY = `before Linux ${FEATURES.replyFilter.since} the kernel compares reply tuples wrongly, and no request reveals which kernel it is`;

type Reason = Omit<Condition, 'field'>;

const FOUR_VALUES: Reason = {
  otherwise: 'it may be any of four values, and the kernel cannot combine conditions',
};

const REASONS: {
  readonly [Name in Exclude<keyof CheckedFilter, 'original' | 'reply'>]-?:
    | Reason
    | ((filter: CheckedFilter) => Reason);
} = {
  family: { otherwise: '' },
  protocol: ({ protocol }) =>
    typeof protocol === 'number' || protocol?.length === 1
      ? { asked: 'protocol', otherwise: NOT_IN_KERNEL }
      : { otherwise: 'the kernel compares one protocol, not a list' },
  address: FOUR_VALUES,
  port: FOUR_VALUES,
  mark: { asked: 'mark', otherwise: NOT_IN_KERNEL },
  zone: ({ zone }) => ({
    asked: 'zone',
    otherwise:
      zone === 0
        ? 'the kernel does not count an entry with a zone of one direction as zone 0'
        : NOT_IN_KERNEL,
  }),
  status: { asked: 'status', otherwise: 'it names no flag' },
  assured: { asked: 'status', otherwise: NOT_IN_KERNEL },
  state: { otherwise: NOT_IN_KERNEL },
  labels: { otherwise: NOT_IN_KERNEL },
  helper: { otherwise: NOT_IN_KERNEL },
  nat: ({ nat }) =>
    nat === 'any'
      ? { otherwise: 'either of two status bits matches, and the kernel cannot combine conditions' }
      : { asked: 'status', otherwise: NOT_IN_KERNEL },
  id: { otherwise: NOT_IN_KERNEL },
  timeout: { otherwise: NOT_IN_KERNEL },
  counters: { otherwise: NOT_IN_KERNEL },
  startedAfter: { otherwise: NOT_IN_KERNEL },
  startedBefore: { otherwise: NOT_IN_KERNEL },
  sctp: { otherwise: NOT_IN_KERNEL },
  dccp: { otherwise: NOT_IN_KERNEL },
  not: { otherwise: 'the kernel cannot negate conditions' },
};

function conditionsOf({ filter, path }: NamedFilter): Condition[] {
  const conditions: Condition[] = [];
  for (const name of Object.keys(REASONS) as (keyof typeof REASONS)[]) {
    if (filter[name] === undefined) continue;
    const reason = REASONS[name];
    const field = `${path}.${name}`;
    conditions.push({ field, ...(typeof reason === 'function' ? reason(filter) : reason) });
  }
  const { protocol, original, reply } = filter;
  if (original !== undefined) {
    conditions.push(...tupleConditions(original, `${path}.original`, protocol));
  }
  if (reply !== undefined) {
    for (const { field } of tupleConditions(reply, `${path}.reply`, protocol)) {
      conditions.push({ field, otherwise: REPLY });
    }
  }
  return conditions;
}

function tupleConditions(
  tuple: TupleFilter,
  path: string,
  protocol: CheckedFilter['protocol'],
): Condition[] {
  const { source, destination, sourcePort, destinationPort, icmp, zone } = tuple;
  const conditions: (Condition | undefined)[] = [
    source === undefined
      ? undefined
      : { field: `${path}.source`, asked: 'source', otherwise: addressReason(source) },
    destination === undefined
      ? undefined
      : {
          field: `${path}.destination`,
          asked: 'destination',
          otherwise: addressReason(destination),
        },
    sourcePort === undefined
      ? undefined
      : { field: `${path}.sourcePort`, asked: 'sourcePort', otherwise: portReason(protocol) },
    destinationPort === undefined
      ? undefined
      : {
          field: `${path}.destinationPort`,
          asked: 'destinationPort',
          otherwise: portReason(protocol),
        },
    ...(['sourceKey', 'destinationKey'] as const).map((name): Condition | undefined =>
      tuple[name] === undefined
        ? undefined
        : { field: `${path}.${name}`, otherwise: 'the kernel has no filter for the keys of GRE' },
    ),
    ...(['type', 'code', 'id'] as const).map((name): Condition | undefined =>
      icmp?.[name] === undefined
        ? undefined
        : {
            field: `${path}.icmp.${name}`,
            asked: ({ type: 'icmpType', code: 'icmpCode', id: 'icmpId' } as const)[name],
            otherwise: "the kernel compares it only with protocol: 'icmp' or 'icmpv6'",
          },
    ),
    zone === undefined
      ? undefined
      : {
          field: `${path}.zone`,
          otherwise: 'the kernel has no filter for the zone of one direction',
        },
  ];
  return conditions.filter((condition) => condition !== undefined);
}

function addressReason(address: string): string {
  return address.includes(':')
    ? 'most kernels compare IPv6 addresses the wrong way round, and no version tells which'
    : 'the kernel compares single addresses, not networks';
}

function portReason(protocol: CheckedFilter['protocol']): string {
  const { tcp, udp } = PROTOCOL_NUMBERS;
  return protocol === tcp || protocol === udp
    ? 'the kernel compares single ports, not ranges'
    : "the kernel compares ports only with protocol: 'tcp' or 'udp'";
}

function passesOf(ask: ArrayBuffer, asked: number): FilterPlan['passes'] {
  const family = familyOf(ask);
  if (family !== undefined) return [[family]];
  // The kernel compares tuples within one family.
  return asked % ASKED_FIELDS.mark === 0 ? [['ipv4', 'ipv6']] : [['ipv4'], ['ipv6']];
}

function familyOf(ask: ArrayBuffer) {
  const view = new DataView(ask);
  if ((view.getUint32(FILTER.present, LITTLE_ENDIAN) & FILTER_PRESENT.family) === 0)
    return undefined;
  return view.getUint8(FILTER.family) === FAMILY_NUMBERS.ipv6 ? 'ipv6' : 'ipv4';
}

/** The kernel's filters do not change while it runs. */
let known: FilterSupport | undefined;

function probe(operation: string, netns: NetNamespaceArgument): FilterSupport {
  if (known?.zone === undefined) {
    const support = loadAddon().probeFiltersNow(netns);
    if (support.failure !== undefined) throw errorOfPlainFailure(operation, support.failure);
    known = support;
  }
  return known;
}

/**
 * Whether a flush of one family leaves the other alone. Nothing tells without doing it; but a
 * kernel that compares tuples is newer than one that does.
 */
export async function flushHasFamily(
  operation: string,
  netns: NetNamespaceArgument,
): Promise<boolean> {
  const support = await loadAddon().probeFilters(netns);
  if (support.failure !== undefined) throw errorOfPlainFailure(operation, support.failure);
  return support[FEATURES.flushFamily.probe] === true;
}
