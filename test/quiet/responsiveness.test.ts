import { fillTable, testScenarios } from '../lifecycle/scenarios.js';
import { describeInNamespace } from '../support/requirements.js';

describeInNamespace()('the main thread stays free', async () => {
  fillTable();
  await testScenarios('responsiveness');
});
