/**
 * What may be read without CAP_NET_ADMIN, and how it can be had without root.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { insert } from '../support/conntrack-tool.js';
import { OtherNetwork } from '../support/other-network.js';
import { describeInNamespace } from '../support/requirements.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const packageUrl = new URL('../../dist/index.js', import.meta.url).href;

/** Runs a module that imports the package as `conntrack`; gives what it printed, as JSON. */
function runModule([command, ...prefix]: [string, ...string[]], body: string): unknown {
  const source = `import * as conntrack from '${packageUrl}';\n${body}`;
  const args = [...prefix, process.execPath, '--input-type=module', '--eval', source];
  return JSON.parse(
    execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }),
  );
}

/** Every right but CAP_NET_ADMIN. */
const WITHOUT_NET_ADMIN: [string, ...string[]] = [
  'setpriv',
  ...['--bounding-set=-net_admin', '--inh-caps=-net_admin', '--'],
];

/** No right at all. */
const WITHOUT_RIGHTS: [string, ...string[]] = [
  'setpriv',
  ...['--bounding-set=-all', '--inh-caps=-all', '--'],
];

/**
 * A user without any right here who is root in namespaces of his own. (Linux 5.12
 * asks for CAP_SETFCAP where user 0 becomes user 0 of another user namespace.)
 */
const IN_OWN_NAMESPACES: [string, ...string[]] = [
  'setpriv',
  ...['--bounding-set=-all,+setfcap', '--inh-caps=-all', '--'],
  ...['unshare', '--user', '--map-root-user', '--net', '--'],
];

describeInNamespace(
  'conntrack',
  'setpriv',
  'setcap',
)('permissions', () => {
  const shown = `({ name, code, errno, syscall, operation, hint, message }) =>
    ({ name, code, errno, syscall, operation, hint, message })`;

  test.each([
    ['listEntries', 'conntrack.listEntries()'],
    ['streamEntries', 'conntrack.streamEntries()[Symbol.asyncIterator]().next()'],
    ['countEntries', 'conntrack.countEntries()'],
    ['listTimeoutPolicies', 'conntrack.listTimeoutPolicies()'],
    ['getTimeoutPolicy', "conntrack.getTimeoutPolicy('web')"],
    [
      'getEntry',
      `conntrack.getEntry({
        protocol: 253,
        original: { source: '10.0.0.1', destination: '10.0.0.2' },
      })`,
    ],
  ])('%s without CAP_NET_ADMIN is EPERM, with a hint', (operation, call) => {
    insert('-p', '253', '-s', '10.0.0.1', '-d', `10.0.0.${operation.length}`, '-t', '600');

    const error = runModule(
      WITHOUT_NET_ADMIN,
      `console.log(JSON.stringify(await ${call}.then(() => 'no error', ${shown})));`,
    );

    expect(error).toMatchObject({ name: 'ConntrackError', code: 'EPERM', errno: 1, operation });
    // The kernel answered; no system call failed.
    expect(error).not.toHaveProperty('syscall');
    const { message, hint } = error as { message: string; hint: string };
    expect(message).toContain('this process lacks CAP_NET_ADMIN in the user namespace');
    expect(message).toContain(hint);
    for (const way of ['setcap cap_net_admin', 'AmbientCapabilities', '--cap-add NET_ADMIN']) {
      expect(hint).toContain(way);
    }
  });

  test('Conntrack.open needs no privilege', () => {
    const outcome = runModule(
      WITHOUT_NET_ADMIN,
      `const handle = await conntrack.Conntrack.open();
       await handle.close();
       console.log('true');`,
    );
    expect(outcome).toBe(true);
  });

  test.each([0, 1, 2, 5])('with %i file descriptors left there is no half answer', (left) => {
    const outcomes = runModule(
      ['sh', '-c', 'ulimit -n 200; exec "$@"', 'sh', ...WITHOUT_NET_ADMIN],
      `import { closeSync, openSync } from 'node:fs';
       const { readPressure, readSettings, readStats, writeSettings } = conntrack;
       const calls = { readPressure, readSettings, readStats, writeSettings: () => writeSettings({}) };
       const shape = (value) => JSON.stringify(value, (name, one) => typeof one === 'number' || name === 'time' ? 0 : one);
       const outcomeOf = (call) => call().then(shape, ({ code }) => code);
       const whole = {};
       for (const [name, call] of Object.entries(calls)) whole[name] = await outcomeOf(call);
       const held = [];
       try { for (;;) held.push(openSync('/dev/null')); } catch { /* none left */ }
       for (let n = 0; n < ${left}; n++) closeSync(held.pop());
       const outcomes = {};
       for (const [name, call] of Object.entries(calls)) {
         const outcome = await outcomeOf(call);
         outcomes[name] = outcome === whole[name] ? 'whole' : outcome;
       }
       held.forEach((fd) => closeSync(fd));
       console.log(JSON.stringify(outcomes));`,
    );
    for (const outcome of Object.values(outcomes as object)) {
      expect(['whole', 'EMFILE']).toContain(outcome);
    }
    expect(Object.keys(outcomes as object)).toHaveLength(4);
  });

  test("a handle on the caller's own network namespace needs no privilege", () => {
    const outcome = runModule(
      WITHOUT_RIGHTS,
      `const handle = await conntrack.Conntrack.open({ netns: { pid: process.pid } });
       console.log(JSON.stringify((await handle.readStats()).source));
       await handle.close();`,
    );
    expect(outcome).toBe('proc');
  });

  test('a handle on another one whose process has given up its rights says what is missing', async () => {
    await using other = await OtherNetwork.create();
    const error = runModule(
      ['env'],
      `const handle = await conntrack.Conntrack.open({ netns: { pid: ${other.pid} } });
       process.setgid(65534);
       process.setuid(65534);
       console.log(JSON.stringify(await handle.countEntries().then(() => 'no error', ${shown})));`,
    );
    expect(error).toMatchObject({ code: 'EPERM', syscall: 'setns', operation: 'countEntries' });
    const { message } = error as { message: string };
    expect(message).toContain('this process may no longer enter its network namespace');
    expect(message).toContain('CAP_SYS_ADMIN');
  });

  test('root of a user namespace reads the table of its own network namespace', () => {
    const script = `
      import { execFileSync } from 'node:child_process';
      const insert = (last, zone) => execFileSync('conntrack', [
        '-I', '-p', '253', '-s', '10.0.0.1', '-d', '10.0.0.' + last, '-t', '600', '-w', zone,
      ]);
      insert('2', '0');
      insert('3', '4');
      const entries = await conntrack.listEntries();
      const [first] = entries;
      console.log(JSON.stringify({
        uid: process.getuid(),
        count: await conntrack.countEntries(),
        destinations: entries.map((entry) => entry.original.destination).sort(),
        found: (await conntrack.getEntry(first)).id === first.id,
      }));`;
    expect(runModule(IN_OWN_NAMESPACES, script)).toEqual({
      uid: 0,
      count: 2,
      destinations: ['10.0.0.2', '10.0.0.3'],
      found: true,
    });
  });

  describe('CONNTRACK_ADDON', () => {
    let folder: string;
    let other: string;
    const USER: [string, ...string[]] = [
      'setpriv',
      '--reuid=65534',
      '--regid=65534',
      '--clear-groups',
    ];
    const GIVEN: typeof USER = [...USER, '--inh-caps=+net_admin', '--ambient-caps=+net_admin'];

    // Where another user can read it: the package, a node, and one with a capability.
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'conntrack-setcap-'));
      chmodSync(folder, 0o755);
      const addon = process.env.CONNTRACK_ADDON || join(root, 'build/Release/conntrack.node');
      for (const [from, to] of [
        [join(root, 'dist'), 'dist'],
        [join(root, 'package.json'), 'package.json'],
        [addon, 'build/Release/conntrack.node'],
        [process.execPath, 'node'],
        [process.execPath, 'node-setcap'],
      ] as const) {
        cpSync(realpathSync(from), join(folder, to), { recursive: true });
      }
      execFileSync('setcap', ['cap_net_admin+ep', join(folder, 'node-setcap')]);
      other = join(folder, 'other.cjs');
      writeFileSync(other, `console.log('loaded'); module.exports = {};`);
    });
    afterAll(() => {
      rmSync(folder, { recursive: true });
    });

    function countWith([command, ...prefix]: readonly [string, ...string[]], node: string) {
      const source = `
        const { countEntries } = await import(${JSON.stringify(join(folder, 'dist/index.js'))});
        console.log(await countEntries().catch(({ code }) => code));`;
      const args = [...prefix, join(folder, node), '--input-type=module', '--eval'];
      const env = { PATH: process.env.PATH, CONNTRACK_ADDON: other };
      const { stdout, stderr } = spawnSync(command, [...args, source], {
        encoding: 'utf8',
        env,
      });
      return { stdout, warned: /ConntrackWarning: .*CONNTRACK_ADDON is ignored/.test(stderr) };
    }

    test.each([
      ['by root', []],
      ['by the user', ['sh', '-c', '"$@"; exit', 'sh']],
    ])('is ignored by a node with a capability of its own, started %s', (_, shell) => {
      expect(countWith([...USER, ...shell], 'node-setcap')).toEqual({
        stdout: expect.stringMatching(/^\d+\n$/) as string,
        warned: true,
      });
    });

    test.each<[string, [string, ...string[]]]>([
      ['a user without capabilities', USER],
      ['a user who was given one', GIVEN],
      ['root', ['env']],
    ])('is loaded for %s', (_, prefix) => {
      expect(countWith(prefix, 'node')).toEqual({
        stdout: 'loaded\nERR_CONNTRACK_LAYOUT\n',
        warned: false,
      });
    });
  });

  test('a program that may not read still imports the package', () => {
    const names = runModule(WITHOUT_RIGHTS, `console.log(JSON.stringify(Object.keys(conntrack)));`);
    expect(names).toContain('listEntries');
  });
});
