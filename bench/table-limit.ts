/**
 * `net.netfilter.nf_conntrack_max` holds for every network namespace and can be
 * changed in the initial one alone.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const PATH = '/proc/sys/net/netfilter/nf_conntrack_max';

/**
 * Raises the limit to `entries` where it is lower, until this process exits.
 * Returns how many entries a table may have now.
 */
export function raiseTableLimit(entries: number): number {
  const limit = readLimit();
  // The kernel takes 0 for no limit.
  if (limit === 0) return Number.POSITIVE_INFINITY;
  if (limit >= entries) return limit;
  try {
    writeFileSync(PATH, String(entries));
  } catch {
    return limit;
  }
  process.once('exit', () => {
    // Not over what somebody else has set meanwhile.
    if (readLimit() === entries) writeFileSync(PATH, String(limit));
  });
  return entries;
}

function readLimit(): number {
  try {
    return Number(readFileSync(PATH, 'utf8'));
  } catch (cause) {
    throw new Error(`no ${PATH}: load the module nf_conntrack_netlink`, { cause });
  }
}
