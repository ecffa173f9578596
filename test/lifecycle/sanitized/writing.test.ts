import { describeInNamespace } from '../../support/requirements.js';
import { fillTable, testScenarios } from '../scenarios.js';
import { underSanitizers } from './sanitizers.js';

describeInNamespace('conntrack')('under the sanitizers: writing', async () => {
  fillTable();
  await testScenarios('writing', underSanitizers);
});
