import { describeInNamespace } from '../support/requirements.js';
import { fillTable, testScenarios } from './scenarios.js';

describeInNamespace()('the main thread stays free', async () => {
  fillTable();
  await testScenarios('responsiveness');
});
