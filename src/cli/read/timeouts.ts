/**
 * Timeouts, from operands such as `established=3600`.
 */
import { suggestion } from '../../core/show-value.js';
import {
  TIMEOUT_STATES,
  type TimeoutProtocol,
  type TimeoutState,
  type Timeouts,
} from '../../index.js';
import { UsageError } from '../usage-error.js';
import { number32, wordIn } from './values.js';

const PROTOCOLS = Object.keys(TIMEOUT_STATES) as TimeoutProtocol[];

export const isTimeoutProtocol = (word: string): word is TimeoutProtocol =>
  Object.hasOwn(TIMEOUT_STATES, word);

export const timeoutProtocolIn = (word: string): TimeoutProtocol =>
  wordIn(PROTOCOLS, word, 'the protocol');

/** @param protocol Whose states they are; absent: any. */
export function timeoutsIn(pairs: readonly string[], protocol?: TimeoutProtocol): Timeouts {
  const states: readonly TimeoutState[] =
    protocol === undefined ? Object.values(TIMEOUT_STATES).flat() : TIMEOUT_STATES[protocol];
  const timeouts: { [State in TimeoutState]?: number } = {};
  for (const pair of pairs) {
    const [name = '', seconds] = pair.split('=');
    const state = states.find((one) => one === name);
    if (state === undefined) {
      const whose = protocol === undefined ? 'no protocol has a state' : `${protocol} has no state`;
      throw new UsageError(`${whose} "${name}"${suggestion(name, states)}`);
    }
    if (seconds === undefined) throw new UsageError(`${name} lacks its seconds: ${name}=SECONDS`);
    timeouts[state] = number32(seconds, name);
  }
  return timeouts;
}
