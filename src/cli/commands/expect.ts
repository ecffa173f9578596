/** Expectations. */
import {
  countExpectations,
  createExpectation,
  deleteExpectation,
  deleteExpectations,
  type Expectation,
  flushExpectations,
  getExpectation,
  listExpectations,
} from '../../index.js';
import { type Api, type Call, command, tell, warn } from '../command.js';
import { EXIT, type ExitCode } from '../exit.js';
import { longOf, type OptionName } from '../line/options.js';
import { lastValue } from '../line/parse.js';
import { confirm } from '../print/ask.js';
import { linesOfExpectations, shapeOfExpectations } from '../print/expectations.js';
import { jsonLine } from '../print/json.js';
import { counted } from '../print/numbers.js';
import {
  expectationFilterIn,
  expectationIn,
  expectationKeyIn,
  isKey,
} from '../read/expectations.js';
import { wordIn } from '../read/values.js';
import { UsageError } from '../usage-error.js';

const FUNCTIONS = {
  countExpectations,
  createExpectation,
  deleteExpectation,
  deleteExpectations,
  flushExpectations,
  getExpectation,
  listExpectations,
};

type ExpectApi = Pick<Api, keyof typeof FUNCTIONS>;

type Act = (api: ExpectApi, call: Call) => Promise<ExitCode>;

const ACTS: Readonly<Record<string, Act>> = {
  list: async (api, call) => {
    const expectations = await api.listExpectations(expectationFilterIn(call.line.given));
    return print(call, expectations);
  },
  get: async (api, call) => {
    const expectation = await api.getExpectation(expectationKeyIn(call.line.given));
    return expectation === undefined ? nothing(call) : print(call, [expectation]);
  },
  create: async (api, call) => {
    const expectation = await api.createExpectation(expectationIn(call.line.given));
    const { given } = call.line;
    if (given.json !== undefined || given.output !== undefined) return print(call, [expectation]);
    tell(call, `created: ${String(expectation)}`);
    return EXIT.done;
  },
  delete: async (api, call) => {
    const { line, world } = call;
    const { given } = line;
    if (line.isLetter || isKey(given)) {
      if (given.dryRun !== undefined) return (ACTS.get as Act)(api, call);
      return (await api.deleteExpectation(expectationKeyIn(given))) ? EXIT.done : nothing(call);
    }
    if (given.zone !== undefined) {
      throw new UsageError('expect delete takes --zone beside a whole tuple alone');
    }
    const filter = expectationFilterIn(given);
    if (given.dryRun !== undefined) return print(call, await api.listExpectations(filter));
    await confirm(world, given, 'expect delete', async () => api.countExpectations(filter));
    const { deleted } = await api.deleteExpectations(filter);
    if (deleted === 0) return nothing(call);
    tell(call, `${counted(deleted, 'expectation')} deleted`);
    return EXIT.done;
  },
  flush: async (api, call) => {
    const { line, world } = call;
    const helper = lastValue(line.given, 'helper');
    const only = helper === undefined ? {} : { helper };
    if (line.given.dryRun !== undefined) return print(call, await api.listExpectations(only));
    await confirm(world, line.given, 'expect flush', async () => api.countExpectations(only));
    await api.flushExpectations(only);
    return EXIT.done;
  },
  count: async (api, { line, writer }) => {
    const expectations = await api.countExpectations(expectationFilterIn(line.given));
    const { given } = line;
    const json = jsonLine({ expectations });
    await writer.line(given.json === undefined ? String(expectations) : json);
    await writer.flush();
    return EXIT.done;
  },
};

const TUPLE: readonly OptionName[] = [
  ...(['protocol', 'source', 'destination', 'sourcePort', 'destinationPort'] as const),
];
const FILTER: readonly OptionName[] = [
  ...[...TUPLE, ...(['family', 'address', 'port', 'helper', 'id', 'timeout'] as const)],
];
const ASKED: readonly OptionName[] = ['dryRun', 'yes'];

/** The options of each action. It refuses others: a user could take one for a condition. */
const TAKES: Readonly<Record<string, readonly OptionName[]>> = {
  list: FILTER,
  count: FILTER,
  get: [...TUPLE, 'zone', 'id'],
  delete: [...FILTER, 'zone', ...ASKED],
  flush: ['helper', ...ASKED],
  create: [
    ...[...TUPLE, ...(['timeout', 'helper', 'maskSource', 'maskSourcePort'] as const)],
    ...(['tupleSource', 'tupleDestination', 'tupleSourcePort', 'tupleDestinationPort'] as const),
  ],
};

/** For all of them. */
const GENERAL: readonly OptionName[] = ['output', 'json', 'netns', 'noColor'];

export default command(FUNCTIONS, async (api, call) => {
  const { words, given, isLetter } = call.line;
  const [word = 'list'] = words;
  const name = wordIn(Object.keys(ACTS), word, 'what expect does');
  const known = [...(TAKES[name] ?? []), ...GENERAL];
  const stray = (Object.keys(given) as OptionName[]).find((one) => !known.includes(one));
  if (!isLetter && stray !== undefined) {
    throw new UsageError(`expect ${name} does not take --${longOf(stray)}`);
  }
  return (ACTS[name] as Act)(api, call);
});

async function print(call: Call, expectations: readonly Expectation[]): Promise<ExitCode> {
  const { line, world, writer } = call;
  const shape = shapeOfExpectations(line.given, world.out);
  await writer.lines(linesOfExpectations(expectations, shape, world, line.given));
  await writer.flush();
  return EXIT.done;
}

function nothing(call: Call): ExitCode {
  warn(call, 'no expectation matches');
  return EXIT.failed;
}
