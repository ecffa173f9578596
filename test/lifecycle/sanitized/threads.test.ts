/** More rounds: CONNTRACK_THREAD_ROUNDS=100 npm test -- --project lifecycle sanitized/threads */
import { expect, test } from 'vitest';
import { LONG } from '../../support/emulation.js';
import { describeInNamespace } from '../../support/requirements.js';
import { fillTable, runScenario } from '../scenarios.js';
import { underThreadSanitizer } from './sanitizers.js';
import { reportsOfAddon } from './thread-reports.js';

describeInNamespace()('under ThreadSanitizer: all threads of the addon', () => {
  fillTable(5000);

  test(
    'work at once',
    async () => {
      const { stderr, ...ended } = await runScenario(
        'threads',
        undefined,
        underThreadSanitizer,
        LONG,
      );
      expect(ended).toEqual({ code: 0, signal: null, stdout: 'done\n' });
      expect(reportsOfAddon(stderr)).toEqual([]);
    },
    LONG,
  );
});
