import { describeInNamespace } from '../../support/requirements.js';
import { fillTable, testScenarios } from '../scenarios.js';
import { underSanitizers } from './sanitizers.js';

describeInNamespace('conntrack')(
  'under the sanitizers: a reading is ended from outside',
  async () => {
    fillTable();
    await testScenarios('ending', underSanitizers);
  },
);
