/**
 * The programs of tools/kernel-bugs, which show faults of the kernel: what they print on this one.
 * docs/kernel-bugs.md has the list.
 */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { built } from '../support/built.js';
import { hasFeature, series } from '../support/kernel-features.js';
import { nft, run, setting } from '../support/namespace.js';
import { describeInNamespace } from '../support/requirements.js';

/**
 * What each prints where the kernel has the fault, and where it does right. `has` is which of both
 * this kernel does, unless no version tells.
 */
const PROGRAMS: Readonly<Record<string, { fault: RegExp; right: RegExp; has?: boolean }>> = {
  'ipv6-filter': {
    fault: /^a dump of the source fd00::1 returned: fd00::[23] fd00::[23]$/,
    right: /^a dump of the source fd00::1 returned: fd00::1$/,
  },
  'port-filter': {
    fault: /returned 1 of 2 UDP and 2 of 2 SCTP entries$/,
    right: /returned 1 of 2 UDP and 1 of 2 SCTP entries$/,
    has: true,
  },
  'flush-by-id': {
    fault: /which no entry has, answered "Success" and left 0 of 3 entries$/,
    right: /left 3 of 3 entries$/,
    has: true,
  },
  'flush-by-zone': {
    fault: /^a delete of the empty zone 5 answered "Success" and left 0 of 3 entries$/,
    right: /^a delete of the empty zone 5 answered "Success" and left 3 of 3 entries$/,
    has: !hasFeature('zoneFilter'),
  },
  'get-by-id': {
    fault: /with another id answered "Success", with the entry$/,
    right: /with another id answered "No such file or directory"$/,
    has: true,
  },
  'partial-update': {
    fault: /answered "Device or resource busy"; the timeout is at most 500 now$/,
    right: /; the timeout is above 500 now$/,
    has: true,
  },
  'silent-counters': {
    fault: /; without NLM_F_DUMP came nothing within a second$/,
    right: /; without NLM_F_DUMP came an answer$/,
    has: true,
  },
  'short-labels': {
    fault: /, are 3 0 0 0$/,
    right: /, are 3 1 1 1$/,
    has: true,
  },
  'long-timeout': {
    fault: /^a default timeout of 1073741824 seconds answered "Success"; it is -?\d+ now$/,
    right: /^a default timeout of 1073741824 seconds answered "(?!Success)/,
    has: true,
  },
};

describeInNamespace('conntrack', 'nft')(`faults of Linux ${series}`, () => {
  test.each(Object.entries(PROGRAMS))('%s', (name, { fault, right, has }) => {
    run('conntrack', '-F');
    // Entries have room for labels once a rule sets one.
    nft(`flush ruleset
      table inet labels { chain unused { ct label set 1; }; }`);
    const program = built(`test/support/native/kernel-bugs/${name}`);
    const { status, stdout, stderr } = spawnSync(program, { encoding: 'utf8' });
    expect(stderr).toBe('');
    if (has !== undefined) expect(status).toBe(has ? 0 : 1);
    expect(stdout.trimEnd()).toMatch(status === 0 ? fault : right);
  });

  test('a setting of a timeout takes negative seconds', () => {
    setting('udp_timeout', -1);
    expect(setting('udp_timeout')).toBe('-1');
    setting('udp_timeout', 30);
  });
});
