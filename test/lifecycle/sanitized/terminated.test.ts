import { describeInNamespace } from '../../support/requirements.js';
import { fillTable, testScenarios } from '../scenarios.js';
import { underSanitizers } from './sanitizers.js';

describeInNamespace('conntrack')('under the sanitizers: a worker is terminated', async () => {
  fillTable();
  await testScenarios('terminated', underSanitizers);
});
