/**
 * Messages of mirrors.
 */
import { ConntrackError } from '../core/errors.js';

/** There are more flows than the mirror may have. */
export function mirrorFullError(maxEntries: number): ConntrackError {
  return new ConntrackError(`the table has more than maxEntries flows (${maxEntries})`, {
    code: 'ERR_CONNTRACK_FULL',
    operation: 'mirrorTable',
    hint: 'Raise maxEntries, at some 250 bytes a flow, or mirror a part of the table with a filter.',
  });
}
