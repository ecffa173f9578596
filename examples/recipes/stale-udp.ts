/**
 * Prints the UDP flows to services of Kubernetes whose packets go to no serving endpoint any more;
 * with --delete, deletes them.
 *
 *   kubectl get services,endpointslices -A -o json | node stale-udp.ts [--delete]
 */
import '../support/end-of-pipe.js';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { deleteEntries, type EntryFilter } from 'conntrack';

/** The fields of a Service and an EndpointSlice that this program reads. */
interface Item {
  readonly kind: string;
  readonly metadata: {
    readonly namespace: string;
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec?: {
    readonly clusterIPs?: readonly string[];
    readonly externalIPs?: readonly string[];
    readonly ports?: readonly ServicePort[];
  };
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { ip?: string }[] } };
  readonly addressType?: string;
  readonly ports?: readonly { readonly name?: string }[] | null;
  readonly endpoints?: readonly Endpoint[] | null;
}

interface ServicePort {
  readonly name?: string;
  readonly protocol?: string;
  readonly port: number;
  readonly nodePort?: number;
}

interface Endpoint {
  readonly addresses: readonly string[];
  readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean };
}

const isServing = ({ conditions }: Endpoint) => conditions?.serving ?? conditions?.ready ?? true;

function endpointsOf(service: Item, { name = '' }: ServicePort, items: readonly Item[]): string[] {
  return (
    items
      // Those of the type FQDN have names: no packet goes to them.
      .filter(({ kind, addressType }) => kind === 'EndpointSlice' && addressType !== 'FQDN')
      .filter(({ metadata }) => metadata.namespace === service.metadata.namespace)
      .filter(
        ({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === service.metadata.name,
      )
      .filter(({ ports }) => ports?.some((port) => (port.name ?? '') === name))
      .flatMap(({ endpoints }) => (endpoints ?? []).filter(isServing))
      .flatMap(({ addresses }) => addresses)
  );
}

function addressesOf({ spec, status }: Item): string[] {
  const ingress = status?.loadBalancer?.ingress?.flatMap(({ ip }) => ip ?? []) ?? [];
  const addresses = [...(spec?.clusterIPs ?? []), ...(spec?.externalIPs ?? []), ...ingress];
  return addresses.filter((address) => address !== 'None');
}

const isIPv6 = (address: string) => address.includes(':');

/** Of a flow that was translated, the answers come from the endpoint. */
function filtersOf(service: Item, port: ServicePort, items: readonly Item[]): EntryFilter[] {
  const endpoints = endpointsOf(service, port, items);
  const staleAt = (original: EntryFilter['original'], ipv6: boolean): EntryFilter[] => {
    const not = endpoints
      .filter((endpoint) => isIPv6(endpoint) === ipv6)
      .map((source) => ({ reply: { source } }));
    // No endpoint serves: a new entry would lead nowhere as well, so the old one stays.
    return not.length === 0 ? [] : [{ protocol: 'udp', original, not }];
  };
  const atAddresses = addressesOf(service).flatMap((destination) =>
    staleAt({ destination, destinationPort: port.port }, isIPv6(destination)),
  );
  if (port.nodePort === undefined) return atAddresses;
  // A port of each node: flows that nobody translated go to others.
  const atNodes = [false, true].flatMap((ipv6) =>
    staleAt({ destinationPort: port.nodePort }, ipv6).map(
      (filter): EntryFilter => ({ ...filter, nat: 'destination', family: ipv6 ? 'ipv6' : 'ipv4' }),
    ),
  );
  return [...atAddresses, ...atNodes];
}

const COMMAND = 'kubectl get services,endpointslices -A -o json';

function fail(code: number, ...lines: string[]): never {
  console.error(lines.join('\n'));
  process.exit(code);
}

function checkedArguments() {
  try {
    if (process.stdin.isTTY) throw new TypeError('standard input is a terminal');
    return parseArgs({ options: { delete: { type: 'boolean', default: false } } }).values;
  } catch (error) {
    return fail(2, (error as Error).message, `usage: ${COMMAND} | stale-udp [--delete]`);
  }
}

function parsed(input: string) {
  try {
    return JSON.parse(input) as { readonly items?: Item[] } | null;
  } catch (error) {
    throw new Error(`standard input is no JSON: ${(error as Error).message}`);
  }
}

async function readItems(): Promise<readonly Item[]> {
  const input = await text(process.stdin);
  if (input.trim() === '') throw new Error('no JSON on standard input: did kubectl fail?');
  const list = parsed(input);
  const items = Array.isArray(list?.items) ? list.items : [];
  for (const needed of ['Service', 'EndpointSlice'])
    if (!items.some(({ kind }) => kind === needed))
      throw new Error(`no ${needed} in a list on standard input: use ${COMMAND}`);
  return items;
}

const options = checkedArguments();
try {
  const items = await readItems();
  const filters = items
    .filter(({ kind }) => kind === 'Service')
    .flatMap((service) =>
      (service.spec?.ports ?? [])
        .filter(({ protocol }) => protocol === 'UDP')
        .flatMap((port) => filtersOf(service, port, items)),
    );
  const { entries } = await deleteEntries(filters, { entries: true, dryRun: !options.delete });
  for (const entry of entries) console.log(String(entry));
  console.log(`stale flows${options.delete ? ' deleted' : ''}: ${entries.length}`);
} catch (error) {
  // Such as a missing permission, or a text that is no JSON.
  fail(1, (error as Error).message);
}
