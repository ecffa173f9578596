/** Where the kernel has a setting of connection tracking: `net.netfilter.nf_conntrack_<name>`. */
export function settingPath(name: string): string {
  return `/proc/sys/net/netfilter/nf_conntrack_${name}`;
}
