/**
 * What is measured: the floor, our ways to read the table, and peers. Each is a
 * process of its own.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { native } from './native.js';

export interface Program {
  key: string;
  name: string;
  command: string;
  args: string[];
  /** Whether it prints what it measured as JSON. What others print goes to /dev/null. */
  measures: boolean;
}

export interface Peer extends Program {
  /** What would bring it; `undefined` when it is there. */
  missing: string | undefined;
  /** So slow that it runs in the first round only, with this many entries at most. */
  onceUpTo?: number;
}

const PYTHON = '/usr/bin/python3'; // the one that Debian's packages are for

const floor: Program = {
  key: 'floor',
  name: 'receive only, in C',
  command: native('receive_floor'),
  args: [],
  measures: true,
};

const streamRead = ['stream-read', 'streamEntries(), by batches, all read'] as const;
const streamVisit = ['stream-visit', 'streamEntries(), by batches, visited'] as const;
const oneByOne = ['one-by-one', 'streamEntries(), one by one, visited'] as const;
const list = ['list', 'listEntries()'] as const;
const idle = ['idle', 'an idle process'] as const;
const readings = [streamRead, streamVisit, oneByOne, list];
/** What a service pays that has read the table before: its code is compiled, its heap is there. */
const again = ['stream-visit-again', 'streamEntries(), by batches, visited again'] as const;

/** The floor first: the round's other figures are compared with it. */
export const costPrograms: readonly Program[] = [
  floor,
  ...[...readings, again].map(([key, name]) => ours(key, name, 'cost')),
];

export const delayPrograms: readonly Program[] = [idle, ...readings].map(([key, name]) =>
  ours(key, name, 'delay'),
);

/** Of the peers in Go: built without modules, from $GOPATH and what Debian has packaged. */
const GO_PATH = [process.env.GOPATH ?? join(homedir(), 'go'), '/usr/share/gocode'];
const GO_PEERS = [
  ['ti-mo', ['github.com/ti-mo/conntrack', 'github.com/ti-mo/netfilter']],
  ['florianl', ['github.com/florianl/go-conntrack']],
  ['vishvananda', ['github.com/vishvananda/netlink']],
] as const;

/** `quick`: leaves out those that take long to build or to run. */
export function findPeers({ quick }: { quick: boolean }): Peer[] {
  const long = quick ? 'a run without --quick' : undefined;
  const reader = native('libnfct_reader');
  const pyroute2 = fileURLToPath(new URL('../../bench/peers/pyroute2.py', import.meta.url));
  const procfs = '/proc/net/nf_conntrack';
  return [
    {
      key: 'libnetfilter_conntrack',
      name: 'libnetfilter_conntrack, two fields read',
      command: reader,
      args: [],
      measures: true,
      missing: unless(existsSync(reader), 'Debian package libnetfilter-conntrack-dev'),
    },
    {
      key: 'conntrack-tool',
      name: 'conntrack -L > /dev/null',
      command: 'conntrack',
      args: ['-L'],
      measures: false,
      missing: unless(inPath('conntrack'), 'Debian package conntrack'),
    },
    {
      key: 'procfs',
      name: `cat ${procfs} > /dev/null`,
      command: 'cat',
      args: [procfs],
      measures: false,
      missing: unless(
        may(procfs, constants.R_OK),
        'root, and a kernel with CONFIG_NF_CONNTRACK_PROCFS',
      ),
    },
    {
      key: 'pyroute2',
      name: 'pyroute2, one field read',
      command: PYTHON,
      args: ['-I', pyroute2], // or the script would import itself
      measures: true,
      missing:
        long ??
        unless(
          spawnSync(PYTHON, ['-c', 'import pyroute2']).status === 0,
          'Debian package python3-pyroute2',
        ),
      onceUpTo: 250_000,
    },
    ...GO_PEERS.map(([name, packages]): Peer => {
      const program = fileURLToPath(new URL(`peers/${name}`, import.meta.url));
      return {
        key: name,
        name: `${packages[0].replace('github.com/', '')}, all kept`,
        command: program,
        args: [],
        measures: true,
        missing: long ?? buildGoPeer(name, packages, program),
      };
    }),
  ];
}

/** Builds a peer in Go. Returns what is missing for that. */
function buildGoPeer(name: string, packages: readonly string[], program: string) {
  if (!inPath('go')) return 'Debian package golang-go';
  const absent = packages.find(
    (source) => !GO_PATH.some((folder) => existsSync(join(folder, 'src', source))),
  );
  if (absent !== undefined) return `the source of ${absent} in $GOPATH/src`;
  const sources = fileURLToPath(new URL('../../bench/peers/go/', import.meta.url));
  const files = ['measure.go', `${name}.go`].map((file) => join(sources, file));
  const { status, stderr } = spawnSync('go', ['build', '-o', program, ...files], {
    env: { ...process.env, GO111MODULE: 'off', GOPATH: GO_PATH.join(delimiter) },
    encoding: 'utf8',
  });
  return unless(status === 0, `sources that build: ${stderr.trim().split('\n').at(-1) ?? ''}`);
}

/** Creates `count` entries, numbered from `first`. */
export function populate(count: number, first: number): void {
  const args = [String(count), String(first)];
  run({ command: native('populate'), args, measures: false });
}

export interface Run {
  /** From the start of the process to its end. */
  processSeconds: number;
  /** What it measured itself. */
  measured: Readonly<Record<string, number>>;
}

/** Runs a program to its end. Throws when it fails. */
export function run({ command, args, measures }: Omit<Program, 'key' | 'name'>): Run {
  const start = process.hrtime.bigint();
  const { status, signal, error, stdout, stderr } = spawnSync(command, args, {
    stdio: ['ignore', measures ? 'pipe' : 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  const processSeconds = Number(process.hrtime.bigint() - start) / 1e9;
  if (error !== undefined) throw error;
  if (status !== 0) {
    const end = signal ?? `exit code ${status}`;
    throw new Error(`${[command, ...args].join(' ')}: ${end}\n${stderr}`);
  }
  const measured = measures ? (JSON.parse(stdout) as Record<string, number>) : {};
  return { processSeconds, measured };
}

function ours(key: string, name: string, measurement: 'cost' | 'delay'): Program {
  const script = fileURLToPath(new URL('trial.js', import.meta.url));
  const args = [script, key, measurement];
  return { key, name, command: process.execPath, args, measures: true };
}

function unless(there: boolean, missing: string): string | undefined {
  return there ? undefined : missing;
}

function inPath(command: string): boolean {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.some((folder) => may(join(folder, command), constants.X_OK));
}

function may(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
