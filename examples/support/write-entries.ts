/**
 * Writes entries into the table. NOT PUBLIC: this reaches into the package,
 * which can't create entries through its public functions yet. Don't copy it.
 */
import type { IcmpTuple, Tuple } from 'conntrack';
import type * as Errors from '../../dist/errors.js';
import type * as RecordWriter from '../../dist/internal/record-writer.js';
import type * as Requests from '../../dist/internal/request-queue.js';

type Spec = Parameters<typeof RecordWriter.specSlab>[0];

async function inside<Module>(path: string): Promise<Module> {
  return (await import(new URL(path, import.meta.resolve('conntrack')).href)) as Module;
}

async function write(specs: Spec[]): Promise<void> {
  const { errorOfFailure } = await inside<typeof Errors>('errors.js');
  const { specSlab } = await inside<typeof RecordWriter>('internal/record-writer.js');
  const { RequestQueue } = await inside<typeof Requests>('internal/request-queue.js');
  const requests = new RequestQueue('createEntry');
  for (const spec of specs) {
    const { failure } = await requests.run('createEntry', (socket) =>
      socket.create(specSlab(spec)),
    );
    if (failure !== undefined) throw errorOfFailure('createEntry', failure);
  }
  await requests.close();
}

/** From the ranges for documentation (RFC 5737, RFC 3849). */
const IPV4 = { source: '192.0.2.10', destination: '198.51.100.7' };
const IPV6 = { source: '2001:db8::10', destination: '2001:db8:7::7' };

function reversed({ source, destination, sourcePort, destinationPort }: Tuple): Tuple {
  return {
    source: destination,
    destination: source,
    sourcePort: destinationPort,
    destinationPort: sourcePort,
  };
}

export async function writeTcpAndUdp(): Promise<void> {
  const specs = [IPV4, IPV6].flatMap((hosts): Spec[] => {
    const web = { ...hosts, sourcePort: 50000, destinationPort: 443 };
    const dns = { ...hosts, sourcePort: 50000, destinationPort: 53 };
    return [
      {
        protocol: 'tcp',
        original: web,
        reply: reversed(web),
        timeout: 300,
        tcpState: 'ESTABLISHED',
      },
      { protocol: 'udp', original: dns, reply: reversed(dns), timeout: 30 },
    ];
  });
  await write(specs);
}

export async function writeIcmp(): Promise<void> {
  const ping = (
    protocol: 'icmp' | 'icmpv6',
    hosts: typeof IPV4,
    request: IcmpTuple,
    answer: IcmpTuple,
  ): Spec => ({
    protocol,
    original: { ...hosts, icmp: request },
    reply: { ...reversed(hosts), icmp: answer },
    timeout: 30,
  });
  const [code, id] = [0, 42];
  await write([
    ping('icmp', IPV4, { type: 8, code, id }, { type: 0, code, id }),
    ping('icmpv6', IPV6, { type: 128, code, id }, { type: 129, code, id }),
  ]);
}
