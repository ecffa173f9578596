/**
 * docs/seccomp.json: what it allows is enough for every function, and nothing that the package calls
 * starts a process, writes a file or opens another socket than one of netlink.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as conntrack from 'conntrack';
import { afterAll, expect, test } from 'vitest';
import { built } from '../support/built.js';
import { runNode } from '../support/child.js';
import { EXECUTABLE, runProgram } from '../support/command-line.js';
import { OtherNetwork } from '../support/other-network.js';
import { describeInNamespace } from '../support/requirements.js';
import {
  deadly,
  inside,
  type Profile,
  programOf,
  shippedProfile,
} from '../support/seccomp-profile.js';

const everyFunction = fileURLToPath(new URL('../support/every-function.mjs', import.meta.url));
const packageUrl = new URL('../../dist/index.js', import.meta.url).href;
const confine = built('test/support/native/confine.node');

const folder = mkdtempSync(join(tmpdir(), 'conntrack-seccomp-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function fileOf(name: string, profile: Profile): string {
  const path = join(folder, name);
  writeFileSync(path, programOf(profile));
  return path;
}

const shipped = shippedProfile();
const asShipped = fileOf('shipped', shipped);
const strict = fileOf('strict', inside(shipped));
const killing = fileOf('killing', deadly(inside(shipped)));
const killingButSettings = fileOf('settings', deadly(inside(shipped, 'openat', 'open')));
const killingOutside = fileOf('outside', deadly(shipped));

const FUNCTIONS = Object.entries(conntrack)
  .filter(([name, value]) => typeof value === 'function' && /^[a-z]/.test(name))
  .map(([name]) => name);
const METHODS = FUNCTIONS.filter((name) => Object.hasOwn(conntrack.Conntrack.prototype, name));

async function resultsUnder(filter: string, { pid }: OtherNetwork) {
  const labels = join(folder, 'connlabel.conf');
  writeFileSync(labels, '1 web\n');
  const { stdout, ...ended } = await runNode([
    ...[everyFunction, packageUrl, confine, filter, labels, String(pid)],
  ]);
  expect(ended).toEqual({ code: 0, signal: null, stderr: '' });
  return JSON.parse(stdout) as Record<string, string>;
}
const expected = (settings: string) =>
  Object.fromEntries(
    [...FUNCTIONS, ...METHODS.map((name) => `Conntrack.${name}`), 'another namespace'].map(
      (name) => [name, name.endsWith('writeSettings') ? settings : 'ok'],
    ),
  );

describeInNamespace('unshare', 'ip')('under docs/seccomp.json', () => {
  test('every function works, and tries nothing that is not allowed', async () => {
    await using other = await OtherNetwork.create();
    expect(await resultsUnder(killingButSettings, other)).toEqual(expected('ok'));
  });

  test('all but writeSettings, which writes files of /proc/sys', async () => {
    await using other = await OtherNetwork.create();
    expect(await resultsUnder(strict, other)).toEqual(expected('EPERM'));
  });

  test('the names alone are enough, as systemd compares them', async () => {
    await using other = await OtherNetwork.create();
    const names = shipped.syscalls
      .flatMap((rule) => rule.names)
      .filter((name) => !name.startsWith('io_uring'));
    const action = 'SCMP_ACT_ALLOW';
    const profile: Profile = { ...shipped, syscalls: [{ comment: 'systemd', names, action }] };
    expect(await resultsUnder(fileOf('names', profile), other)).toEqual(expected('ok'));
  });

  test.each([
    'list',
    'count',
    'stats',
    'settings',
    'pressure',
    'doctor',
    'top --limit 1 --interval-ms 100',
    'timeouts',
    '-I -p udp -s 10.0.0.1 -d 10.0.0.2 --sport 1 --dport 2 -t 60',
    '-D -p udp',
  ])('a process that starts under it: conntrack-js %s', async (line) => {
    const ended = await runProgram(built('test/support/native/seccomp'), [
      ...[killingOutside, process.execPath, EXECUTABLE],
      ...line.split(' '),
    ]);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
  });
});

/** Programs that do what the package does not, and what they need. */
const REFUSED: Record<string, string> = {
  'a program that is started': `const { error } = require('child_process').spawnSync('true');
    if (error) throw error;`,
  'a TCP socket': `await new Promise((done, fail) =>
    require('net').createServer().once('error', fail).listen(0, '127.0.0.1', done).unref());`,
  'a UDP socket': `await new Promise((done, fail) =>
    require('dgram').createSocket('udp4').once('error', fail).bind(0, done).unref());`,
  'a Unix socket': `await new Promise((done, fail) =>
    require('net').createServer().once('error', fail).listen('\\0' + process.pid, done).unref());`,
  'a new file': `require('fs').writeFileSync(process.argv[2] + '/new', 'text');`,
  'a file that is emptied': `require('fs').truncateSync(process.argv[2] + '/old');`,
  'a file that is appended to': `require('fs').appendFileSync(process.argv[2] + '/old', 'more');`,
  'a file that is removed': `require('fs').unlinkSync(process.argv[2] + '/old');`,
  'a file that is renamed': `require('fs').renameSync(process.argv[2] + '/old', process.argv[2] + '/new');`,
  'a folder': `require('fs').mkdirSync(process.argv[2] + '/folder');`,
};

describeInNamespace()('the filter refuses', () => {
  const run = (body: string, filter: string) => {
    writeFileSync(join(folder, 'old'), 'text');
    const program = `(async () => {
      const { confine } = require(${JSON.stringify(confine)});
      const errno = process.argv[1] === '-' ? 0 : confine(require('fs').readFileSync(process.argv[1]));
      if (errno !== 0) throw new Error('seccomp');
      ${body}
    })().then(() => console.log('done'), ({ code, message }) => console.log(code ?? message));`;
    return runNode(['--eval', program, filter, folder]);
  };

  test.each(Object.entries(REFUSED))('%s', async (_, body) => {
    expect(await run(body, strict)).toMatchObject({ code: 0, stdout: 'EPERM\n' });
    expect(await run(body, killing)).toMatchObject({ code: null, signal: 'SIGSYS' });
  });

  test('nothing else of what these programs do', async () => {
    expect(await run('', killing)).toMatchObject({ code: 0, stdout: 'done\n' });
    for (const body of Object.values(REFUSED).slice(0, 4))
      expect(await run(body, '-')).toMatchObject({ code: 0, stdout: 'done\n' });
  });

  test('a process that starts another, where the profile lets it start itself', async () => {
    const script = `const { error } = require('child_process').spawnSync('true'); throw error`;
    const { code, stderr } = await runProgram(built('test/support/native/seccomp'), [
      ...[asShipped, process.execPath, '--eval', script],
    ]);
    expect([code, stderr]).toEqual([1, expect.stringContaining('spawnSync true EPERM') as string]);
  });
});
