import { describeInNamespace } from '../../support/requirements.js';
import { fillTable } from '../scenarios.js';
import { testTogether } from './sanitizers.js';

describeInNamespace('conntrack')('under the sanitizers: a reading is ended from outside', () => {
  fillTable();
  testTogether('ending');
});
