/**
 * The sandboxes that people run this package in, and what it does there: the table of
 * docs/permissions.md. Each is emulated by the same filters, capabilities and mounts.
 */
import { built } from './built.js';

/** What a call does: its answer, or the code of its error. */
export type Outcome = string;

export interface Sandbox {
  readonly name: string;
  /** Starts a program in it. */
  readonly command: readonly string[];
  /** `listEntries()` and `watchEvents()`: `works`, or a code. */
  readonly entries: Outcome;
  /** Where `readStats()` reads. */
  readonly stats: 'netlink' | 'proc';
  /** `writeSettings()`. */
  readonly settings: Outcome;
  /** A handle on the network namespace of another process. */
  readonly others: Outcome;
}

const seccomp = (what: string) => [built('test/support/native/seccomp'), what];
const inMounts = (script: string) => [
  'unshare',
  '--mount',
  'sh',
  '-c',
  `${script} && exec "$@"`,
  'sh',
];
const withCapabilities = (set: string, ...more: string[]) => [
  'setpriv',
  `--bounding-set=${set}`,
  `--inh-caps=${set}`,
  ...more,
  '--',
];

/** Those of Docker and containerd, where nothing else is asked for. */
const DEFAULT = [
  ...['-all', '+chown', '+dac_override', '+fsetid', '+fowner', '+mknod', '+net_raw', '+setgid'],
  ...['+setuid', '+setfcap', '+setpcap', '+net_bind_service', '+sys_chroot', '+kill'],
  '+audit_write',
].join();
const USER = ['--reuid=65534', '--regid=65534', '--clear-groups'];
const READ_ONLY = 'mount -o bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys';
const container = [...inMounts(READ_ONLY), ...seccomp('namespaces')];
const ambient = withCapabilities('-all,+net_admin', ...USER, '--ambient-caps=-all,+net_admin');

export const SANDBOXES: readonly Sandbox[] = [
  {
    name: 'Docker, a pod',
    command: [...container, ...withCapabilities(DEFAULT)],
    entries: 'EPERM',
    stats: 'proc',
    settings: 'EROFS',
    others: 'EACCES',
  },
  {
    name: 'the same with `NET_ADMIN` added',
    command: [...container, ...withCapabilities(`${DEFAULT},+net_admin`)],
    entries: 'works',
    stats: 'netlink',
    settings: 'EROFS',
    others: 'EACCES',
  },
  {
    name: 'the same as an ordinary user',
    command: [
      ...container,
      ...['setpriv', `--bounding-set=${DEFAULT},+net_admin`, '--inh-caps=-all', ...USER, '--'],
    ],
    entries: 'EPERM',
    stats: 'proc',
    settings: 'EACCES',
    others: 'EACCES',
  },
  {
    name: 'a pod with `NET_ADMIN` alone, as root',
    command: [...container, ...withCapabilities('-all,+net_admin', '--no-new-privs')],
    entries: 'works',
    stats: 'netlink',
    settings: 'EROFS',
    others: 'EACCES',
  },
  {
    name: 'a pod under the restricted standard (`drop: [ALL]`, `runAsNonRoot`)',
    command: [...container, ...withCapabilities('-all', ...USER, '--no-new-privs')],
    entries: 'EPERM',
    stats: 'proc',
    settings: 'EACCES',
    others: 'EACCES',
  },
  {
    name: 'systemd: `User=`, `AmbientCapabilities=CAP_NET_ADMIN`',
    command: ambient,
    entries: 'works',
    stats: 'netlink',
    settings: 'works',
    others: 'EACCES',
  },
  {
    name: 'systemd: `ProtectKernelTunables=yes`',
    command: inMounts(READ_ONLY),
    entries: 'works',
    stats: 'netlink',
    settings: 'EROFS',
    others: 'works',
  },
  {
    name: 'systemd: `RestrictAddressFamilies=` without `AF_NETLINK`',
    command: seccomp('netlink'),
    entries: 'ERR_CONNTRACK_UNSUPPORTED',
    stats: 'proc',
    settings: 'works',
    others: 'ERR_CONNTRACK_UNSUPPORTED',
  },
  {
    name: 'systemd: `RestrictNamespaces=yes`',
    command: seccomp('namespaces'),
    entries: 'works',
    stats: 'netlink',
    settings: 'works',
    others: 'EPERM',
  },
  {
    name: 'systemd: `PrivateUsers=yes`',
    command: ['unshare', '--user', '--map-root-user', '--'],
    entries: 'EPERM',
    stats: 'proc',
    settings: 'works',
    others: 'EACCES',
  },
  {
    name: 'systemd: `PrivateNetwork=yes`',
    command: ['unshare', '--net', '--'],
    entries: 'works',
    stats: 'netlink',
    settings: 'works',
    others: 'works',
  },
  {
    name: 'root of a user namespace with a network of its own',
    command: [
      ...withCapabilities('-all,+setfcap'),
      ...['unshare', '--user', '--map-root-user', '--net', '--'],
    ],
    entries: 'works',
    stats: 'netlink',
    settings: 'works',
    others: 'EACCES',
  },
  {
    name: '`hidepid=2`, `ProtectProc=invisible`',
    command: [...inMounts('mount -t proc -o hidepid=2 proc /proc'), ...ambient],
    entries: 'works',
    stats: 'netlink',
    settings: 'works',
    others: 'ENOENT',
  },
  {
    name: '`ProcSubset=pid`',
    command: inMounts('mount -t proc -o subset=pid proc /proc'),
    entries: 'works',
    stats: 'netlink',
    settings: 'ERR_CONNTRACK_UNSUPPORTED',
    others: 'works',
  },
];

/** The sentence of each error of the table. */
export const SENTENCES: readonly (readonly [keyof Sandbox, Outcome, string])[] = [
  [
    'entries',
    'EPERM',
    'this process lacks CAP_NET_ADMIN in the user namespace that owns this network namespace',
  ],
  ['entries', 'ERR_CONNTRACK_UNSUPPORTED', 'this process may not open netlink sockets'],
  ['settings', 'EROFS', '/proc/sys is mounted read-only'],
  ['settings', 'EACCES', 'this process may not change net.netfilter.nf_conntrack_acct'],
  ['settings', 'ERR_CONNTRACK_UNSUPPORTED', 'a sandbox may hide /proc/sys'],
  ['others', 'EACCES', 'this process may not enter the network namespace'],
  ['others', 'EPERM', 'this process may not enter the network namespace'],
  ['others', 'ENOENT', 'is hidden (hidepid)'],
  ['others', 'ERR_CONNTRACK_UNSUPPORTED', 'this process may not open netlink sockets'],
];
