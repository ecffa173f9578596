import { describeInNamespace } from '../support/requirements.js';
import { fillTable, testScenarios } from './scenarios.js';

describeInNamespace()('a mirror ends', async () => {
  fillTable();
  await testScenarios('mirror');
});
