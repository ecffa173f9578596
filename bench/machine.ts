/**
 * Where the figures come from.
 */
import { readFileSync } from 'node:fs';
import { cpus, release } from 'node:os';

export interface Machine {
  date: string;
  kernel: string;
  cpu: string;
  cpus: number;
  node: string;
  /** `net.netfilter.nf_conntrack_buckets`: one hash table for all namespaces. */
  buckets: number;
}

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    date: new Date().toISOString(),
    kernel: release(),
    cpu: processors[0]?.model ?? 'unknown',
    cpus: processors.length,
    node: process.version,
    buckets: Number(readFileSync('/proc/sys/net/netfilter/nf_conntrack_buckets', 'utf8')),
  };
}
