import { describeInNamespace } from '../support/requirements.js';
import { fillTable, testScenarios } from './scenarios.js';

describeInNamespace()('what is forgotten is collected', async () => {
  fillTable();
  await testScenarios('dropped');
});
