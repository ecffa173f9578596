/** Default timeouts, and timeout policies. */

import { printable } from '../../core/printable.js';
import {
  ConntrackError,
  createTimeoutPolicy,
  type DefaultTimeouts,
  deleteTimeoutPolicy,
  getTimeoutPolicy,
  listTimeoutPolicies,
  readDefaultTimeouts,
  TIMEOUT_STATES,
  type TimeoutPolicy,
  type TimeoutProtocol,
  updateTimeoutPolicy,
  writeDefaultTimeouts,
} from '../../index.js';
import { type Api, type Call, command, tell, warn } from '../command.js';
import { EXIT, type ExitCode } from '../exit.js';
import { lastValue } from '../line/parse.js';
import { tableOf } from '../print/columns.js';
import { jsonLine } from '../print/json.js';
import { shortSeconds } from '../print/numbers.js';
import { paintOf } from '../print/style.js';
import { isTimeoutProtocol, timeoutProtocolIn, timeoutsIn } from '../read/timeouts.js';
import { read } from '../read/tuples.js';
import { familyIn, wordIn } from '../read/values.js';
import { UsageError } from '../usage-error.js';

const FUNCTIONS = {
  createTimeoutPolicy,
  deleteTimeoutPolicy,
  getTimeoutPolicy,
  listTimeoutPolicies,
  readDefaultTimeouts,
  updateTimeoutPolicy,
  writeDefaultTimeouts,
};

type TimeoutApi = Pick<Api, keyof typeof FUNCTIONS>;

type Act = (api: TimeoutApi, call: Call, operands: readonly string[]) => Promise<ExitCode>;

const ACTS: Readonly<Record<string, Act>> = {
  list: async (api, call) => {
    const protocols = Object.keys(TIMEOUT_STATES) as TimeoutProtocol[];
    const defaults = await Promise.all(protocols.map(async (one) => defaultsOf(api, one)));
    const known = defaults.filter((one) => one !== undefined);
    return print(call, [...known, ...(await api.listTimeoutPolicies())]);
  },
  get: async (api, call, operands) => {
    const name = nameIn(operands, 'get');
    if (isTimeoutProtocol(name)) return print(call, [await api.readDefaultTimeouts(name)]);
    const policy = await api.getTimeoutPolicy(name);
    return policy === undefined ? nothing(call, name) : print(call, [policy]);
  },
  set: async (api, call, operands) => {
    const [word, ...pairs] = operands;
    if (word === undefined) throw new UsageError('timeouts set lacks its protocol');
    const protocol = timeoutProtocolIn(word);
    const timeouts = timeoutsIn(pairs, protocol);
    if (pairs.length === 0) throw new UsageError('timeouts set changes nothing: STATE=SECONDS');
    return print(call, [await api.writeDefaultTimeouts(protocol, timeouts)]);
  },
  create: async (api, call, operands) => {
    const { given } = call.line;
    const name = nameIn(operands, 'create');
    const family = read(given, 'family', familyIn);
    const word = lastValue(given, 'protocol');
    if (family === undefined || word === undefined) {
      throw new UsageError('timeouts create needs --family and --protocol');
    }
    const protocol = timeoutProtocolIn(word);
    const timeouts = timeoutsIn(operands.slice(1), protocol);
    return print(call, [await api.createTimeoutPolicy({ name, family, protocol, timeouts })]);
  },
  update: async (api, call, operands) => {
    const name = nameIn(operands, 'update');
    return print(call, [await api.updateTimeoutPolicy(name, timeoutsIn(operands.slice(1)))]);
  },
  delete: async (api, call, operands) => {
    const name = nameIn(operands, 'delete');
    if (!(await api.deleteTimeoutPolicy(name))) return nothing(call, name);
    tell(call, `${printable(name)} is deleted`);
    return EXIT.done;
  },
};

/** The most operands; the others take any number of STATE=SECONDS. */
const OPERANDS: Readonly<Record<string, number>> = { list: 0, get: 1, delete: 1 };

export default command(FUNCTIONS, async (api, call) => {
  const { words, given } = call.line;
  const [word = 'list', ...operands] = words;
  const name = wordIn(Object.keys(ACTS), word, 'what timeouts does');
  const most = OPERANDS[name] ?? operands.length;
  const stray = operands[most];
  if (stray !== undefined) throw new UsageError(`timeouts ${name} does not take "${stray}"`);
  if (name !== 'create' && (given.family ?? given.protocol) !== undefined) {
    throw new UsageError(`timeouts ${name} takes neither --family nor --protocol`);
  }
  return (ACTS[name] as Act)(api, call, operands);
});

/** `undefined`: this kernel does not track the protocol. */
async function defaultsOf(
  api: TimeoutApi,
  protocol: TimeoutProtocol,
): Promise<DefaultTimeouts | undefined> {
  try {
    return await api.readDefaultTimeouts(protocol);
  } catch (error) {
    const isUnknown = error instanceof ConntrackError && error.code === 'ERR_CONNTRACK_UNSUPPORTED';
    if (isUnknown) return undefined;
    throw error;
  }
}

function nameIn([name]: readonly string[], act: string): string {
  if (name === undefined) throw new UsageError(`timeouts ${act} lacks the name of a policy`);
  return name;
}

function nothing(call: Call, name: string): ExitCode {
  warn(call, `no policy is named "${printable(name)}"`);
  return EXIT.failed;
}

const COLUMNS = [
  { head: 'PROTOCOL' },
  { head: 'POLICY' },
  { head: 'STATE' },
  { head: 'SECONDS', isNumber: true },
  { head: '', isNumber: true },
];

async function print(
  { line, world, writer }: Call,
  all: readonly (DefaultTimeouts | TimeoutPolicy)[],
): Promise<ExitCode> {
  if (line.given.json !== undefined) {
    const kindOf = (one: object) => ('name' in one ? 'policy' : 'default');
    await writer.lines(all.map((one) => jsonLine({ kind: kindOf(one), ...one })));
  } else {
    const paint = paintOf(world, line.given.noColor !== undefined);
    await writer.lines(tableOf(COLUMNS, all.flatMap(rowsOf), paint));
  }
  await writer.flush();
  return EXIT.done;
}

function rowsOf(one: DefaultTimeouts | TimeoutPolicy) {
  const { protocol, protocolNumber, timeouts } = one;
  const policy = 'name' in one ? `${printable(one.name)} (${one.family})` : '';
  const shown = protocol === 'other' ? String(protocolNumber) : protocol;
  const states = Object.entries(timeouts) as [string, number][];
  return states.map(([state, seconds], index) => [
    { text: index === 0 ? shown : '' },
    { text: index === 0 ? policy : '' },
    { text: state },
    { text: String(seconds) },
    { text: seconds < 60 ? '' : shortSeconds(seconds), style: 'dim' as const },
  ]);
}
