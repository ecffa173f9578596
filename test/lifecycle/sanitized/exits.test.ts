import { describeInNamespace } from '../../support/requirements.js';
import { fillTable, testScenarios } from '../scenarios.js';
import { underSanitizersWithoutLeaks } from './sanitizers.js';

describeInNamespace('conntrack')(
  'under the sanitizers: the process ends in the middle of reading',
  async () => {
    fillTable();
    await testScenarios('exits', underSanitizersWithoutLeaks);
  },
);
