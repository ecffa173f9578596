import { describeInNamespace } from '../support/requirements.js';
import { testScenarios } from './scenarios.js';

describeInNamespace('conntrack')('event streams', async () => {
  await testScenarios('events');
});
