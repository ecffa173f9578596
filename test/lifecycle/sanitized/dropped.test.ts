import { describeInNamespace } from '../../support/requirements.js';
import { fillTable, testScenarios } from '../scenarios.js';
import { underSanitizers } from './sanitizers.js';

describeInNamespace('conntrack')(
  'under the sanitizers: what is forgotten is collected',
  async () => {
    fillTable();
    await testScenarios('dropped', underSanitizers);
  },
);
