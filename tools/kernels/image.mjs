// The file system of the emulated machine, as an initramfs: what this checkout needs to run its
// tests, and the programs of this machine that they start.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const guestInit = fileURLToPath(new URL('guest-init.sh', import.meta.url));

/** Where the checkout is in the machine. */
export const CHECKOUT = '/conntrack';

/** What the tests, and the init, start. */
const PROGRAMS = [
  'sh',
  'mount',
  'umount',
  'mkdir',
  'mkfifo',
  'cat',
  'ls',
  'cp',
  'rm',
  'ln',
  'sed',
  'seq',
  'sleep',
  'env',
  'true',
  'false',
  'id',
  'head',
  'tail',
  'grep',
  'sysctl',
  'uname',
  'base64',
  'sync',
  'chmod',
  'chown',
  'touch',
  'timeout',
  'date',
  'ping',
  'perl',
  'conntrack',
  'nft',
  'ip',
  'iptables',
  'ip6tables',
  'modprobe',
  'unshare',
  'nsenter',
  'setpriv',
  'setcap',
];

/** Files and folders that programs load by themselves. */
const LOADED = [
  '/etc/protocols',
  '/etc/services',
  '/etc/passwd',
  '/etc/group',
  '/etc/nsswitch.conf',
  '/usr/lib/x86_64-linux-gnu/xtables',
  '/usr/lib/x86_64-linux-gnu/perl-base',
  '/lib/x86_64-linux-gnu/libnss_files.so.2',
];

/** Of this checkout. */
const SOURCES = [
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
  'src',
  'test',
  'dist',
  'examples',
  'out/examples',
  'docs/metrics',
  'build/Release',
  'build/test/support/native',
];

/** Packages that the tests load, with what these depend on. */
const PACKAGES = ['vitest', 'prom-client', '@opentelemetry/api', '@opentelemetry/sdk-metrics'];

/** Modules that nothing loads by itself in a machine without udev. */
const MODULES = [
  'nf_conntrack',
  'nf_conntrack_netlink',
  'nfnetlink',
  'nf_tables',
  'nft_ct',
  'nft_nat',
  'nft_masq',
  'nft_redir',
  'nft_objref',
  'nft_chain_nat',
  'nft_compat',
  'nft_reject_inet',
  'nft_counter',
  'nft_log',
  'nft_limit',
  'nft_synproxy',
  'nf_nat',
  'nf_conntrack_ftp',
  'nf_nat_ftp',
  'nf_conntrack_tftp',
  'nf_conntrack_sip',
  'nf_conntrack_irc',
  'nf_conntrack_h323',
  'nf_conntrack_pptp',
  'ip_tables',
  'iptable_nat',
  'iptable_filter',
  'iptable_mangle',
  'iptable_raw',
  'ip6_tables',
  'xt_conntrack',
  'xt_CT',
  'xt_connlabel',
  'xt_connmark',
  'xt_MASQUERADE',
  'xt_nat',
  'xt_tcpudp',
  'veth',
  'dummy',
  'bridge',
  'sctp',
  'dccp',
  'dccp_ipv4',
  'nfnetlink_cttimeout',
  'nfnetlink_cthelper',
  'af_packet',
  'tun',
];

/** Builds the base of every machine. Returns its path. */
export function buildBase(folder) {
  const stage = join(folder, 'base');
  rmSync(stage, { recursive: true, force: true });
  for (const path of [
    'proc',
    'sys',
    'dev',
    'tmp',
    'run',
    'root',
    'etc',
    'usr/bin',
    'usr/lib',
    'var/tmp',
  ]) {
    mkdirSync(join(stage, path), { recursive: true });
  }
  for (const [link, to] of [
    ['bin', 'usr/bin'],
    ['sbin', 'usr/bin'],
    ['lib', 'usr/lib'],
    ['lib64', 'usr/lib64'],
  ]) {
    mkdirSync(join(stage, to), { recursive: true });
    symlinkSync(to, join(stage, link));
  }
  const libraries = new Set();
  for (const name of PROGRAMS) {
    const path = whereIs(name);
    if (path === undefined) continue;
    copy(stage, realpathSync(path), join('/usr/bin', name));
    addLibraries(path, libraries);
  }
  copy(stage, process.execPath, '/usr/bin/node');
  addLibraries(process.execPath, libraries);
  for (const path of LOADED)
    if (existsSync(path)) cpSync(path, join(stage, path), { recursive: true, dereference: true });
  const checkout = join(stage, CHECKOUT);
  for (const path of SOURCES) {
    const from = join(root, path);
    if (existsSync(from))
      cpSync(from, join(checkout, path), {
        recursive: true,
        filter: (one) => !/\/CMakeFiles(?:\/|$)/.test(one),
      });
  }
  for (const name of closureOf(PACKAGES)) {
    cpSync(join(root, 'node_modules', name), join(checkout, 'node_modules', name), {
      recursive: true,
      filter: (one) => !one.endsWith('.map') && !one.includes('musl'),
    });
  }
  for (const name of readdirSync(stage, { recursive: true })) {
    if (name.endsWith('.node')) addLibraries(join(stage, name), libraries);
  }
  for (const path of libraries) copy(stage, realpathSync(path), path);
  copyFileSync(guestInit, join(stage, 'init'));
  const image = join(folder, 'base.cpio');
  pack(stage, image);
  rmSync(stage, { recursive: true });
  return image;
}

/** Builds what a kernel needs besides: its modules. Returns its path. */
export function buildModules(folder, { version, root: kernelRoot }) {
  const stage = join(folder, 'modules');
  rmSync(stage, { recursive: true, force: true });
  const modules = join(kernelRoot, 'lib/modules', version);
  const to = join(stage, 'usr/lib/modules', version);
  mkdirSync(to, { recursive: true });
  execFileSync('depmod', ['-b', kernelRoot, version], { stdio: 'ignore' });
  // What modprobe reads.
  for (const name of readdirSync(modules).filter((one) => one.startsWith('modules.'))) {
    copyFileSync(join(modules, name), join(to, name));
  }
  for (const file of filesOf(modules, MODULES)) {
    mkdirSync(dirname(join(to, file)), { recursive: true });
    copyFileSync(join(modules, file), join(to, file));
  }
  writeFileSync(join(stage, 'modules.list'), `${MODULES.join('\n')}\n`);
  const image = join(folder, 'modules.cpio');
  pack(stage, image);
  rmSync(stage, { recursive: true });
  return image;
}

/** The files of these modules and of those that they depend on (modules.dep). */
function filesOf(modules, names) {
  const files = new Map();
  for (const line of readFileSync(join(modules, 'modules.dep'), 'utf8').split('\n')) {
    const [file, rest] = line.split(':');
    if (rest !== undefined) files.set(nameOf(file), [file, ...rest.trim().split(/\s+/)]);
  }
  return new Set(names.flatMap((name) => files.get(name) ?? []).filter((file) => file !== ''));
}

function nameOf(file) {
  return file
    .replace(/^.*\//, '')
    .replace(/\.ko(?:\.\w+)?$/, '')
    .replaceAll('-', '_');
}

function closureOf(names) {
  const all = new Set();
  const visit = (name) => {
    const manifest = join(root, 'node_modules', name, 'package.json');
    if (all.has(name) || !existsSync(manifest)) return;
    all.add(name);
    const { dependencies, optionalDependencies, peerDependencies } = JSON.parse(
      readFileSync(manifest, 'utf8'),
    );
    for (const list of [dependencies, optionalDependencies, peerDependencies])
      Object.keys(list ?? {}).forEach(visit);
  };
  names.forEach(visit);
  return all;
}

/** The path of a program, `undefined` when it is not there. */
export function whereIs(name) {
  const { status, stdout } = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
  return status === 0 && stdout.startsWith('/') ? stdout.trim() : undefined;
}

function addLibraries(program, libraries) {
  const { stdout } = spawnSync('ldd', [program], { encoding: 'utf8' });
  for (const [, path] of stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(/gm)) libraries.add(path);
}

function copy(stage, from, to) {
  const path = join(stage, to);
  mkdirSync(dirname(path), { recursive: true });
  copyFileSync(from, path);
}

function pack(folder, image) {
  execFileSync(
    'sh',
    [
      '-c',
      `find . -print0 | cpio --null --create --format=newc --quiet --owner=0:0 > "$1"`,
      'sh',
      image,
    ],
    { cwd: folder },
  );
}
