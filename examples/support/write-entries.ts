/**
 * Creates entries where no firewall tool is installed that makes the kernel track packets.
 */
import { createEntries, type EntrySpec } from 'conntrack';

async function create(specs: EntrySpec[]): Promise<void> {
  for (const { error } of await createEntries(specs)) if (error) throw error;
}

/** Addresses reserved for documentation (RFC 5737, RFC 3849). */
const IPV4 = { source: '192.0.2.10', destination: '198.51.100.7' };
const IPV6 = { source: '2001:db8::10', destination: '2001:db8:7::7' };

export async function writeTcpAndUdp(): Promise<void> {
  const specs = [IPV4, IPV6].flatMap((hosts): EntrySpec[] => {
    const web = { ...hosts, sourcePort: 50000, destinationPort: 443 };
    const dns = { ...hosts, sourcePort: 50000, destinationPort: 53 };
    return [
      {
        protocol: 'tcp',
        original: web,
        timeout: 300,
        tcp: { state: 'ESTABLISHED' },
      },
      { protocol: 'udp', original: dns, timeout: 30 },
    ];
  });
  await create(specs);
}

export async function writeIcmp(): Promise<void> {
  const [code, id] = [0, 42];
  await create([
    { protocol: 'icmp', original: { ...IPV4, icmp: { type: 8, code, id } }, timeout: 30 },
    { protocol: 'icmpv6', original: { ...IPV6, icmp: { type: 128, code, id } }, timeout: 30 },
  ]);
}
