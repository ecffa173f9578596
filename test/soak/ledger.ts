/**
 * What happened to the table, by those who did it.
 */
import { readFileSync } from 'node:fs';

export class Ledger {
  created = 0;
  updated = 0;
  expectations = { created: 0, ended: 0 };
  traffic = { packets: 0, bytes: 0 };

  /** Each entry that was created and is not in the table has ended. */
  get ended(): number {
    return this.created - entriesInTable();
  }

  /** The events that the kernel has sent of this. */
  get events(): number {
    return this.created + this.updated + this.ended;
  }
}

/** The kernel's own count. */
export function entriesInTable(): number {
  return Number(readFileSync('/proc/sys/net/netfilter/nf_conntrack_count', 'utf8'));
}
