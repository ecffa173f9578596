import { describeInNamespace } from '../support/requirements.js';
import { fillTable, testScenarios } from './scenarios.js';

describeInNamespace()('a reader ends its reading', async () => {
  fillTable();
  await testScenarios('leaving');
});
