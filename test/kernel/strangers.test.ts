/**
 * Other processes of the network namespace cannot send to the sockets of the package.
 */
import { spawnSync } from 'node:child_process';
import { Conntrack } from 'conntrack';
import { expect, test } from 'vitest';
import { built } from '../support/built.js';
import { run } from '../support/namespace.js';
import { describeInNamespace } from '../support/requirements.js';

const NETLINK_NETFILTER = '12';
const forge = built('test/support/native/forge');
const populate = built('test/support/native/populate');

/** Of the sockets of NETLINK_NETFILTER in this namespace, but for the kernel's own. */
function portIds(): string[] {
  const lines = run('cat', '/proc/net/netlink').split('\n').slice(1);
  return lines.flatMap((line) => {
    const [, protocol, portId] = line.trim().split(/\s+/);
    return protocol === NETLINK_NETFILTER && portId !== '0' ? [portId as string] : [];
  });
}

describeInNamespace()('strangers', () => {
  test('reach none of its sockets', async () => {
    run(populate, 'create', '0', '20000');
    await using handle = await Conntrack.open();
    await handle.countEntries();
    const events = handle.watchEvents({ reliableDestroy: true });
    const batches = handle.streamEntries().batches();
    await batches.next();
    const pass = handle.updateEntries({ protocol: 'tcp' }, { mark: 1 });
    const all = portIds();
    // Of requests, of reliable events three, of a dump, and of a pass two.
    expect(all).toHaveLength(7);
    for (const portId of all) {
      const { status, stderr } = spawnSync(forge, ['unicast', portId], { encoding: 'utf8' });
      expect({ status, stderr }).toEqual({
        status: 1,
        stderr: 'forge: sendto: Connection refused\n',
      });
    }
    await pass;
    await batches.return?.();
    expect(await handle.countEntries()).toBe(20_000);
    expect(events.counters.foreign).toBe(0);
  });
});
