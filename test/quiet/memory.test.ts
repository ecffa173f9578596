import { fillTable, testScenarios } from '../lifecycle/scenarios.js';
import { describeInNamespace } from '../support/requirements.js';

describeInNamespace()('memory levels off', async () => {
  fillTable();
  await testScenarios('memory');
});
