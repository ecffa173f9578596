/**
 * Fills the table of the private network: with traffic if the kernel tracks it, else by
 * creating entries.
 */
import { release } from 'node:os';
import { bringUpLoopback, countAndTime, ping, trackLoopback } from './loopback.js';
import { openConnections } from './traffic.js';
import { writeIcmp, writeTcpAndUdp } from './write-entries.js';

export interface FilledTable {
  /** Where the entries come from, as a sentence. */
  how: string;
  close: () => void;
}

export async function fillTable(): Promise<FilledTable> {
  const addresses = bringUpLoopback();
  if (addresses.length === 0)
    return writtenTable('The loopback device needs "ip" (apt-get install iproute2)');
  if (!trackLoopback())
    return writtenTable(
      'Traffic is tracked by a rule of nft or iptables (apt-get install nftables)',
    );
  countAndTime();
  const close = await openConnections(addresses);
  const where = `Linux ${release()}, a private network namespace, real traffic over loopback`;
  if (addresses.every(ping)) return { how: `${where}.`, close };
  await writeIcmp();
  return {
    how: `${where}.\nWithout ping or perl the ICMP entries are written into the table instead.`,
    close,
  };
}

async function writtenTable(reason: string): Promise<FilledTable> {
  await writeTcpAndUdp();
  await writeIcmp();
  return {
    how:
      `Linux ${release()}, a private network namespace. ${reason}.\n` +
      'Without it these entries are written into the table; no packets made them.',
    close: () => undefined,
  };
}
