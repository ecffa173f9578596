import { describeInNamespace } from '../support/requirements.js';
import { fillTable, testScenarios } from './scenarios.js';

describeInNamespace()('a worker is terminated', async () => {
  fillTable();
  await testScenarios('terminated');
});
