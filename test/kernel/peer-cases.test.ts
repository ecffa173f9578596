/**
 * Command lines of conntrack(8) and nfct(8) through that of this package, each beside the tool in a
 * twin network namespace: tools/peer-suite.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EVENT_CASES } from '../../tools/peer-suite/cases/events.js';
import { differencesOfEvents } from '../../tools/peer-suite/events.js';
import { runGroup, together } from '../../tools/peer-suite/groups.js';
import { OWN_CASES } from '../../tools/peer-suite/own-cases.js';
import { linesOfReport } from '../../tools/peer-suite/report.js';
import type { Report } from '../../tools/peer-suite/suite.js';
import { Twins } from '../../tools/peer-suite/twin.js';
import { isEmulated } from '../support/emulation.js';
import { describeInNamespace } from '../support/requirements.js';

/** Of a thousand cases those of a minute. */
const IN_EMULATION = new Set(['tcp-ipv4', 'icmpv6-ipv6', 'policies-udp']);

const describeBeside = describeInNamespace('conntrack', 'nfct', 'nft', 'ip', 'unshare');

describeBeside('the cases of our own', () => {
  describe.each(OWN_CASES)('of $tool', ({ tool, groups, known }) => {
    const reports: Report[] = [];
    let twins: Twins;

    beforeAll(async () => {
      twins = await Twins.create('resident');
    });

    afterAll(async () => {
      await twins[Symbol.asyncDispose]();
    });

    test.each(isEmulated ? groups.filter(({ name }) => IN_EMULATION.has(name)) : groups)(
      '$name',
      async (group) => {
        const report = await runGroup(twins, tool, group, known);
        reports.push(report);
        const found = report.found.filter(({ reason }) => reason === undefined);
        const [, ...lines] = linesOfReport(group.name, { ...report, found, unused: [] }, 0);
        expect(lines.join('\n')).toBe('');
      },
    );

    // In emulation most of them are not tried.
    if (!isEmulated) {
      test('each known difference is one still', () => {
        expect(together(reports, known).unused).toEqual([]);
        expect(together(reports, known).cases).toBeGreaterThan(100);
      });
    }
  });

  test('-E prints the events of watchEvents', async () => {
    await using twins = await Twins.create('resident');
    expect(await differencesOfEvents(twins, EVENT_CASES)).toEqual({});
  });
});
