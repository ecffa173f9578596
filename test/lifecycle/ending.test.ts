import { describeInNamespace } from '../support/requirements.js';
import { fillTable, testScenarios } from './scenarios.js';

describeInNamespace()('a reading is ended from outside', async () => {
  fillTable();
  await testScenarios('ending');
});
