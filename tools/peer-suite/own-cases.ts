/**
 * All cases of our own, which CI runs.
 */

import { EXPECTATIONS } from './cases/expectations.js';
import { FAULTS } from './cases/faults.js';
import { FILTERS } from './cases/filters.js';
import { LIVES } from './cases/lives.js';
import { ACCEPTED_OPTIONS, REFUSALS } from './cases/options.js';
import { POLICIES } from './cases/policies.js';
import {
  type KnownDifference,
  OWN_CONNTRACK_DIFFERENCES,
  OWN_NFCT_DIFFERENCES,
} from './differences.js';
import type { Group } from './groups.js';
import type { ToolName } from './suite.js';

export interface OwnCases {
  readonly tool: ToolName;
  readonly groups: readonly Group[];
  readonly known: readonly KnownDifference[];
}

export const OWN_CASES: readonly OwnCases[] = [
  {
    tool: 'conntrack',
    groups: [...LIVES, FILTERS, ACCEPTED_OPTIONS, REFUSALS, EXPECTATIONS, FAULTS],
    known: OWN_CONNTRACK_DIFFERENCES,
  },
  { tool: 'nfct', groups: POLICIES, known: OWN_NFCT_DIFFERENCES },
];
