import { describeInNamespace } from '../../support/requirements.js';
import { fillTable, testScenarios } from '../scenarios.js';
import { underSanitizers } from './sanitizers.js';

describeInNamespace('conntrack')('under the sanitizers: event streams', async () => {
  fillTable();
  await testScenarios('events', underSanitizers);
});
