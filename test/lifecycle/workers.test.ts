import { describeInNamespace } from '../support/requirements.js';
import { fillTable, testScenarios } from './scenarios.js';

describeInNamespace()('workers read', async () => {
  fillTable();
  await testScenarios('workers');
});
