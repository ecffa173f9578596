import { describeInNamespace } from '../support/requirements.js';
import { fillTable, testScenarios } from './scenarios.js';

describeInNamespace()('memory levels off', async () => {
  fillTable();
  await testScenarios('memory');
});
