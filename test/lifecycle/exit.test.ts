import { describe, expect, test } from 'vitest';
import { describeInNamespace } from '../support/requirements.js';
import { fillTable, runScenario, testScenarios } from './scenarios.js';

describeInNamespace()('the process ends in the middle of reading', () => {
  fillTable();

  describe('well', () => testScenarios('exits'));

  describe('badly, as it would without this package', () => {
    test.each([
      ['an error that nobody catches', 'in the loop body'],
      ['an error in a callback while a read is pending', 'in a callback'],
      ['an abort that nobody catches', 'the reason of the signal'],
    ])('%s', async (name, message) => {
      const { code, signal, stderr } = await runScenario('crashes', name);
      expect({ code, signal }).toEqual({ code: 1, signal: null });
      expect(stderr).toContain(`Error: ${message}\n`);
    });

    test('a signal that ends the process', async () => {
      expect(await runScenario('crashes', 'a signal that ends the process')).toEqual({
        code: null,
        signal: 'SIGTERM',
        stdout: '',
        stderr: '',
      });
    });
  });
});
