/**
 * Puts a test file into a network namespace of its own.
 */

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { getSystemErrorName } from 'node:util';
import { built } from './built.js';

const addonPath = built('test/support/native/namespace.node');

/**
 * Moves this process (its JavaScript thread, and the children that it starts from
 * now on) into a fresh network namespace whose loopback device is up. Returns the
 * reason when it may not.
 */
export function enterFreshNetwork(): string | undefined {
  const { enterFreshNetwork: enter } = createRequire(import.meta.url)(addonPath) as {
    enterFreshNetwork: () => number;
  };
  const errno = enter();
  return errno === 0 ? undefined : getSystemErrorName(-errno);
}

/** Reads or writes `net.netfilter.nf_conntrack_<name>` of the namespace. */
export function setting(name: string, value?: number | string): string {
  const path = `/proc/sys/net/netfilter/nf_conntrack_${name}`;
  if (value !== undefined) writeFileSync(path, String(value));
  return readFileSync(path, 'utf8').trim();
}

/** Runs a program to its end and gives what it printed. Throws with its stderr when it fails. */
export function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1 << 30,
  });
}

/** Runs an nft script. */
export function nft(script: string): void {
  execFileSync('nft', ['-f', '-'], { input: script, stdio: ['pipe', 'pipe', 'pipe'] });
}

/** Makes the kernel track what passes through the loopback device. */
export function trackLoopback(): void {
  nft(`table inet track {
    chain output { type filter hook output priority 0; ct state new counter; }
  }`);
}
