/** The example of a host and its sink: real traffic, a killed agent, and exact sums. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { runNode } from '../support/child.js';
import { describeInNamespace } from '../support/requirements.js';

const program = fileURLToPath(new URL('../../out/examples/flow-log/sinks.js', import.meta.url));

describeInNamespace(
  'conntrack',
  'nft',
  'ip',
  'nats-server',
  'perl',
  'setpriv',
  'unshare',
)('the example of a sink', () => {
  test.each([
    ['files', 'an agent that is killed', [], 'ended while no agent ran'],
    ['files', 'a receive buffer of 16 KiB', ['--tiny'], 'missing beside these'],
    ['jetstream', 'a receive buffer of 16 KiB', ['--tiny'], 'missing beside these'],
  ])('%s, %s: its records have the sums of the kernel', async (kind, _, options, rest) => {
    const args = [program, kind, '--flows', '2000', '--round', '400', ...options];
    const { stdout, stderr, code } = await runNode(args);
    expect(stderr).toBe('');
    const numberOf = (name: string) =>
      Number(new RegExp(`^${name}: +(\\d+)`, 'm').exec(stdout)?.[1] ?? Number.NaN);
    const exact = numberOf(`in the ${kind}, sums equal`);
    expect(exact, stdout).toBeGreaterThan(0);
    expect(numberOf(`in the ${kind}, sums not equal`)).toBe(0);
    expect(numberOf(rest)).toBeGreaterThan(0);
    expect(exact + numberOf(rest)).toBe(numberOf('ended, as a listener saw'));
    expect(stdout).toContain('unknown: 0, twice: 0');
    expect(code).toBe(0);
  });
});
