/** The files of /proc that the addon reads and writes, and who holds a socket. */
import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { SETTINGS } from 'conntrack';
import { redirect } from '../../support/fault-kernel.js';

const folder = mkdtempSync(join(tmpdir(), 'conntrack-faults-'));
process.on('exit', () => {
  rmSync(folder, { recursive: true });
});

const SETTING = 'sys/net/netfilter/nf_conntrack_';
const put = (path: string, text: string) => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
};

/** A socket of this process, and the inode that /proc names it by. */
const server = createServer().listen(join(folder, 'socket')).unref();
const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`)) ?? [];
export const OWN_PORT_ID = 4_000_000_001;
/** A file of names of labels. */
export const LABELS = join(folder, 'connlabel.conf');

/** Values that nothing but these files has. */
export function resetFiles(): void {
  for (const { sysctl, kind } of Object.values(SETTINGS)) {
    put(`${SETTING}${sysctl}`, kind === 'switch' || kind === 'events' ? '1\n' : '77\n');
  }
  put(`${SETTING}count`, '1234\n');
  put(`${SETTING}max`, '262144\n');
  put(`${SETTING}buckets`, '4096\n');
  put('connlabel.conf', '0 web\n');
  put('sys/net/core/rmem_max', '212992\n');
  put(
    'thread-self/net/stat/nf_conntrack',
    'entries  found new invalid drop early_drop insert_failed\n' +
      '000004d2  00000001 00000000 00000003 00000004 00000005 00000006\n',
  );
  put('thread-self/net/snmp', 'Ip: InReceives OutRequests\nIp: 10 20\nTcp: CurrEstab\nTcp: 3\n');
  put('thread-self/net/snmp6', 'Ip6InReceives 1\nIp6OutRequests 2\n');
  put(
    'thread-self/net/netlink',
    'sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n' +
      `0000000000000000 12  ${OWN_PORT_ID} 00000000 0        0        0     2        0        ${inode}\n`,
  );
}

/** What a setting has. */
export const settingText = (sysctl: string): string =>
  readFileSync(join(folder, `${SETTING}${sysctl}`), 'utf8');

export function useFiles(): void {
  resetFiles();
  redirect('/proc/sys/net/', join(folder, 'sys/net/'));
  redirect('/proc/thread-self/net/', join(folder, 'thread-self/net/'));
}
