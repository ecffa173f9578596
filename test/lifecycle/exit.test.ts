import { describe, expect, test } from 'vitest';
import { describeInNamespace } from '../support/requirements.js';
import { fillTable, runScenario, testScenarios } from './scenarios.js';

describeInNamespace()('the process ends in the middle of reading', () => {
  fillTable();

  describe('well', () => testScenarios('exits'));

  describe('badly, as it would without this package', () => {
    test.each([
      ['an error that nobody catches', 'in the loop body'],
      ['an abort that nobody catches', 'the reason of the signal'],
    ])('%s', async (name, message) => {
      const { code, signal, stderr } = await runScenario('crashes', name);
      expect({ code, signal }).toEqual({ code: 1, signal: null });
      expect(stderr).toContain(`Error: ${message}\n`);
    });
  });
});
