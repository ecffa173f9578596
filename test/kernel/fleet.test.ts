/** The example of a fleet: real traffic, crashes, and exact sums in JetStream. */
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { runNode } from '../support/child.js';
import { describeInNamespace } from '../support/requirements.js';

const program = fileURLToPath(new URL('../../out/examples/flow-log/fleet.js', import.meta.url));

describeInNamespace(
  'conntrack',
  'nft',
  'ip',
  'nats-server',
  'perl',
  'setpriv',
  'unshare',
)('the example of a fleet', () => {
  it('has each flow once, whatever is killed, but for those while no agent ran', async () => {
    const { stdout, stderr, code } = await runNode([program, '--flows', '1200', '--round', '80']);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/ the server is killed\n.* the agent of host-3 is killed\n/s);
    expect(stdout).toMatch(/\nSOURCE +FLOWS +PACKETS +BYTES\n10\.77\.[123]\.2 +[1-9]/);
    const missing = Array.from(
      stdout.matchAll(/^host-(\d): exact\n(?:.*\n)*? {2}ended while no agent ran +(\d+) flows/gm),
      ([, host, flows]) => [Number(host), Number(flows)],
    );
    expect(missing, stdout).toEqual([
      [1, 0],
      [2, 0],
      [3, expect.any(Number)],
    ]);
    expect(missing[2]?.[1]).toBeGreaterThan(0);
    const [, counted, stored] = /consumer counted (\d+) records of (\d+)/.exec(stdout) ?? [];
    expect(Number(counted)).toBeGreaterThan(0);
    expect(counted).toBe(stored);
    expect(code).toBe(0);
  });
});
