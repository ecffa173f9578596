/**
 * Deletes the UDP flows to services of Kubernetes whose packets go to no serving endpoint any more.
 *
 *   kubectl get services,endpointslices -A -o json | node stale-udp.ts [--dry-run]
 */
import '../support/end-of-pipe.js';
import { json } from 'node:stream/consumers';
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
  return items
    .filter(({ kind }) => kind === 'EndpointSlice')
    .filter(({ metadata }) => metadata.namespace === service.metadata.namespace)
    .filter(
      ({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === service.metadata.name,
    )
    .filter(({ ports }) => ports?.some((port) => (port.name ?? '') === name))
    .flatMap(({ endpoints }) => (endpoints ?? []).filter(isServing))
    .flatMap(({ addresses }) => addresses);
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
    // Without endpoints there is nowhere to go: nothing gets better by a delete.
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

const { items } = (await json(process.stdin)) as { readonly items: readonly Item[] };
const filters = items
  .filter(({ kind }) => kind === 'Service')
  .flatMap((service) =>
    (service.spec?.ports ?? [])
      .filter(({ protocol }) => protocol === 'UDP')
      .flatMap((port) => filtersOf(service, port, items)),
  );
const dryRun = process.argv.includes('--dry-run');
const { entries } = await deleteEntries(filters, { entries: true, dryRun });
for (const entry of entries) console.log(String(entry));
console.log(entries.length, dryRun ? 'flows are stale' : 'stale flows deleted');
