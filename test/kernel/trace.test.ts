import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { runNode } from '../support/child.js';
import { describeInNamespace } from '../support/requirements.js';

const program = `
  import { countEntries, listEntries, watchEvents, writeSettings } from
    '${fileURLToPath(new URL('../../dist/index.js', import.meta.url))}';
  await countEntries();
  await listEntries({ mark: 7 });
  await writeSettings({ accounting: true });
  await watchEvents().close();
`;

/** What the program prints on stderr, without numbers that differ from run to run. */
async function tracedWith(value: string): Promise<string[]> {
  const { code, stderr } = await runNode(['--input-type=module', '--eval', program], {
    NODE_DEBUG: value,
  });
  expect(code).toBe(0);
  const lines = stderr.split('\n').filter(Boolean);
  return lines.map((line) =>
    line.replace(/[\d.]+ ms/, 'N ms').replace(/^CONNTRACK \d+/, 'CONNTRACK'),
  );
}

describeInNamespace()('NODE_DEBUG=conntrack', () => {
  test('prints a line for each request, walk, change of a setting, and subscription', async () => {
    expect(await tracedWith('conntrack')).toEqual([
      'CONNTRACK: countEntries: request usage: ok after N ms',
      'CONNTRACK: listEntries: dump, filter.mark (kernel: CTA_MARK): 0 entries, ok after N ms',
      'CONNTRACK: writeSettings: /proc/sys/net/netfilter/nf_conntrack_acct = 1: ok',
      expect.stringMatching(
        /^CONNTRACK: watchEvents: subscribed to groups 0x7, receive buffer: \d+ of 67108864 bytes granted$/,
      ),
    ]);
  });

  test('prints nothing when it names others', async () => {
    expect(await tracedWith('fs')).toEqual([]);
  });
});
