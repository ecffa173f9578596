import { describeInNamespace } from '../support/requirements.js';
import { fillTable, testScenarios } from './scenarios.js';

describeInNamespace()('writes are ended from outside', async () => {
  fillTable();
  await testScenarios('writing');
});
