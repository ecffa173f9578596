// The file system of the emulated machine, as an initramfs: what this checkout needs to run its
// tests, and the programs that they start.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
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
  'readlink',
  'stat',
  'sync',
  'chmod',
  'chown',
  'touch',
  'timeout',
  'date',
  'ping',
  'perl',
  'conntrack',
  'nfct',
  'nft',
  'ip',
  'iptables',
  'ip6tables',
  'modprobe',
  'unshare',
  'nsenter',
  'setpriv',
  'setcap',
  'bash',
  'script',
  'stty',
];

/** What has another name where Debian's packages are not configured. */
const BEHIND = {
  sh: 'dash',
  iptables: 'xtables-nft-multi',
  ip6tables: 'xtables-nft-multi',
};

/** Files of any architecture that programs read. */
const TABLES = ['protocols', 'services', 'passwd', 'group', 'nsswitch.conf'];

/** Folders and files that programs load by themselves, of /usr/lib and the triplet. */
const LOADED = ['xtables', 'perl-base', 'libnss_files.so.2'];

/** Of this checkout. */
const SOURCES = [
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
  'src',
  'test',
  'tools/peer-suite',
  'dist',
  'examples',
  'out/examples',
  'docs/metrics',
  'docs/command-line.md',
  'docs/kernel-side.md',
];

/** Of the tree of C++. */
const BUILT = ['Release', 'test/support/native'];

/** Packages that the tests load, with what these depend on. */
const PACKAGES = [
  'vitest',
  'prom-client',
  '@nats-io/jetstream',
  '@nats-io/transport-node',
  '@opentelemetry/api',
  '@opentelemetry/sdk-metrics',
  '@xterm/headless',
];

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

/**
 * Builds the base of every machine of this userland. Returns its path.
 *
 * @param addon The addon that is tried, instead of that of the tree of C++.
 */
export function buildBase(folder, userland, addon) {
  const stage = join(folder, 'base');
  rmSync(stage, { recursive: true, force: true });
  for (const path of ['proc', 'sys', 'dev', 'tmp', 'run', 'root', 'etc', 'var/tmp'])
    mkdirSync(join(stage, path), { recursive: true });
  for (const [link, to] of [
    ['bin', 'usr/bin'],
    ['sbin', 'usr/bin'],
    ['lib', 'usr/lib'],
    ['lib64', 'usr/lib64'],
  ]) {
    mkdirSync(join(stage, to), { recursive: true });
    symlinkSync(to, join(stage, link));
  }
  addCheckout(stage, userland);
  if (addon !== undefined) {
    copyFileSync(addon, join(stage, CHECKOUT, 'build/Release/conntrack.node'));
  }
  addPrograms(stage, userland);
  for (const name of TABLES) {
    if (existsSync(join('/etc', name))) copy(stage, join('/etc', name), join('/etc', name));
  }
  copyFileSync(guestInit, join(stage, 'init'));
  const image = join(folder, 'base.cpio');
  pack(stage, image);
  rmSync(stage, { recursive: true });
  return image;
}

function addCheckout(stage, userland) {
  const add = (from, path) => {
    if (!existsSync(from)) return;
    cpSync(from, join(stage, CHECKOUT, path), {
      recursive: true,
      filter: (one) => !/\/CMakeFiles(?:\/|$)/.test(one),
    });
  };
  for (const path of SOURCES) add(join(root, path), path);
  for (const path of BUILT) add(join(userland.build, path), join('build', path));
  for (const name of closureOf(PACKAGES)) {
    const from = userland.packageFolder(name);
    const { name: itsName } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'));
    cpSync(from, join(stage, CHECKOUT, 'node_modules', itsName), {
      recursive: true,
      filter: (one) => !one.endsWith('.map') && !one.includes('musl'),
    });
  }
}

/** The programs, Node.js, and the libraries of all that is in the stage. */
function addPrograms(stage, userland) {
  const libraries = new Libraries(userland);
  for (const name of PROGRAMS) {
    const path = programIn(userland.root, name);
    if (path === undefined) continue;
    copy(stage, path, join('/usr/bin', name));
    libraries.addThoseOf(path);
  }
  copy(stage, userland.node, '/usr/bin/node');
  libraries.addThoseOf(userland.node);
  const folder = join('/usr/lib', userland.triplet);
  for (const name of LOADED) {
    const from = join(userland.root, folder, name);
    if (existsSync(from)) {
      cpSync(from, join(stage, folder, name), { recursive: true, dereference: true });
    }
  }
  for (const name of readdirSync(stage, { recursive: true })) {
    if (name.endsWith('.node')) libraries.addThoseOf(join(stage, name));
  }
  for (const [path, from] of libraries.found) copy(stage, from, path);
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

/** The path of a program of this machine, `undefined` when it is not there. */
export function whereIs(name) {
  const { status, stdout } = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
  return status === 0 && stdout.startsWith('/') ? stdout.trim() : undefined;
}

/** The file of a program, behind all links. */
function programIn(systemRoot, name) {
  const folders = ['usr/local/sbin', 'usr/local/bin', 'usr/sbin', 'usr/bin', 'sbin', 'bin'];
  for (const one of [name, BEHIND[name]]) {
    for (const folder of one === undefined ? [] : folders) {
      const file = fileOf(systemRoot, join('/', folder, one));
      if (file !== undefined) return file;
    }
  }
  return undefined;
}

/** Follows links as if `systemRoot` were the root. */
function fileOf(systemRoot, path) {
  let at = path;
  for (let links = 0; links < 20; links++) {
    const real = join(systemRoot, at);
    const status = lstatSync(real, { throwIfNoEntry: false });
    if (status === undefined) return undefined;
    if (!status.isSymbolicLink()) return real;
    at = resolve(dirname(at), readlinkSync(real));
  }
  return undefined;
}

/** Shared libraries as the dynamic loader finds them. `ldd` runs them, and so only our own. */
class Libraries {
  /** Where each is in the machine, and the file. */
  found = new Map();
  #userland;

  constructor(userland) {
    this.#userland = userland;
  }

  addThoseOf(file) {
    const { stdout } = spawnSync('readelf', ['-W', '-d', '-l', file], { encoding: 'utf8' });
    const loader = /program interpreter: (\S+)\]/.exec(stdout)?.[1];
    if (loader !== undefined) this.#add(loader, fileOf(this.#userland.root, loader));
    for (const [, name] of stdout.matchAll(/\(NEEDED\) .*\[(.+)\]/g)) this.#addNamed(name);
  }

  #addNamed(name) {
    const { triplet, root: systemRoot } = this.#userland;
    const folders = [`/lib/${triplet}`, `/usr/lib/${triplet}`, '/usr/local/lib', '/usr/lib'];
    for (const folder of folders) {
      const file = fileOf(systemRoot, join(folder, name));
      if (file !== undefined) return this.#add(join('/usr/lib', triplet, name), file);
    }
    return undefined;
  }

  #add(path, file) {
    if (file === undefined || this.found.has(path)) return;
    this.found.set(path, file);
    this.addThoseOf(file);
  }
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
