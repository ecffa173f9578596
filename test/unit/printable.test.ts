import { inspect } from 'node:util';
import { Conntrack, type ConntrackError, getEntry, listEntries } from 'conntrack';
import { describe, expect, it } from 'vitest';
import { addonError, layoutError } from '../../src/core/addon-errors.js';
import { errorOfFailure, netnsError } from '../../src/core/errors.js';
import { errorOfCreation, errorOfPass } from '../../src/entry/errors.js';
import { expectationsOf } from '../../src/expectation/view.js';
import { runNode } from '../support/child.js';
import { entryWith, expectationSlab, TCP_TUPLES } from './records.js';

const TRACE = new URL('../../dist/core/trace.js', import.meta.url).href;

const from = (first: number, last = first) =>
  Array.from({ length: last - first + 1 }, (_, index) => String.fromCodePoint(first + index));

/** Without NUL: the decoder cuts a text there, and a path with it is refused. */
const CONTROLS: readonly (readonly [name: string, characters: readonly string[]])[] = [
  ['C0', from(0x01, 0x1f)],
  ['DEL and C1', from(0x7f, 0x9f)],
  ['line separators', from(0x2028, 0x2029)],
  [
    'bidirectional',
    [...from(0x202a, 0x202e), ...from(0x2066, 0x2069), '\u200e', '\u200f', '\u061c'],
  ],
  ['invisible', ['\u00ad', '\u200b', '\ufeff', '\u{e0001}']],
  ['half of a pair', ['\ud800', '\udfff']],
];

const FLOW = { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: 1, destinationPort: 21 };

function expectationWith(names: { helper?: string; function?: string }) {
  const spec = { protocol: 'tcp' as const, tuple: FLOW, master: FLOW, ...names };
  return expectationsOf([expectationSlab(spec)])[0];
}

async function errorOf(work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

const INSTALLED = {
  isOverridden: false,
  here: import.meta.url,
  packageRoot: new URL('../../', import.meta.url),
};
const PROBLEM = { errno: 1, text: '' };
const failed = (syscall: string, errno: number) => ({ errno, syscall });
const SEEN = { matched: 1, changed: 1, vanished: 0 };

/** What people see of a text from outside. */
const SHOWN: Readonly<Record<string, (text: string) => unknown>> = {
  'String(entry), helper': (text) => String(entryWith({ ...TCP_TUPLES, helper: text })),
  'String(entry), security context': (text) =>
    String(entryWith({ ...TCP_TUPLES, securityContext: text })),
  'inspect(entry), helper': (text) => entryWith({ ...TCP_TUPLES, helper: text }),
  'inspect(entry), security context': (text) => entryWith({ ...TCP_TUPLES, securityContext: text }),
  'inspect({ entry })': (text) => ({ entry: entryWith({ ...TCP_TUPLES, helper: text }) }),
  'String(expectation)': (text) => String(expectationWith({ helper: text })),
  'inspect(expectation), helper': (text) => expectationWith({ helper: text }),
  'inspect(expectation), function': (text) => expectationWith({ function: text }),
  'the extended ack': (text) => errorOfFailure('getEntry', { ...PROBLEM, text }),
  'the extended ack of a pass': (text) =>
    errorOfPass('deleteEntries', { ...PROBLEM, errno: 16, text }, SEEN, undefined),
  'the helper of a creation': (text) =>
    errorOfCreation(
      'createEntry',
      { errno: 95 },
      { helper: text, labels: undefined, hasMaster: false, ports: undefined },
    ),
  'the path of an addon': (text) => withoutCause(addonError([{ path: text, error: 1 }], INSTALLED)),
  'why an addon does not load': (text) =>
    withoutCause(addonError([{ path: 'x', error: new Error(`:${text}`) }], INSTALLED)),
  'the path of another addon': (text) => layoutError(text, 'hash', INSTALLED),
  'the hash of another addon': (text) => layoutError('path', text, INSTALLED),
  'the path of a bundle': (text) =>
    withoutCause(addonError([], { ...INSTALLED, here: text, packageRoot: undefined })),
  'the name of a namespace': (text) => errorOf(() => Conntrack.open({ netns: `nowhere${text}` })),
  'the path of a namespace': (text) => errorOf(() => Conntrack.open({ netns: `/nowhere${text}` })),
  ...Object.fromEntries(
    [1, 2, 5, 13, 20, 22, 38].map((errno) => [
      `the path of a namespace, errno ${errno}`,
      (text: string) => netnsError('open', `/run/netns/${text}`, failed('setns', errno)),
    ]),
  ),
  'a field that does not exist': (text) => errorOf(() => listEntries({ [`a${text}`]: 1 })),
  'an option that does not exist': (text) =>
    errorOf(() => listEntries(undefined, { [`a${text}`]: 1 })),
  'a wrong address': (text) => errorOf(() => listEntries({ address: `a${text}` })),
  'a wrong word': (text) =>
    errorOf(() => getEntry({ protocol: `tc${text}` as 'tcp', original: FLOW })),
  'a symbol': (text) =>
    errorOf(() => getEntry({ protocol: Symbol(text) as never as 'tcp', original: FLOW })),
};

/** Node.js made it, of what it was told to load. */
function withoutCause(error: ConntrackError): ConntrackError {
  Reflect.deleteProperty(error, 'cause');
  return error;
}

/** On a terminal: a string as it is, everything else as console.log has it. */
async function onTerminal(work: (text: string) => unknown, text: string): Promise<string[]> {
  const value = await work(text);
  const seen = typeof value === 'string' ? value : inspect(value, { breakLength: Infinity });
  return [seen, ...(value instanceof Error ? [String(value), value.message] : [])];
}

const lines = (text: string) => text.split('\n').filter((line) => !/^ +at /.test(line)).length;

describe.each(Object.entries(SHOWN))('%s', (_, work) => {
  it.each(CONTROLS)('shows no character as it is: %s', async (_name, characters) => {
    const plain = await onTerminal(work, 'xyx');
    for (const character of characters) {
      const seen = await onTerminal(work, `x${character}x`);
      for (const [index, text] of seen.entries()) {
        if (character !== '\n') expect(text).not.toContain(character);
        expect(lines(text)).toBe(lines(plain[index] ?? ''));
      }
    }
  });
});

it('the data stay as the kernel sent them', () => {
  const name = 'a\u001b[31m\u202e\u0085';
  const entry = entryWith({ ...TCP_TUPLES, helper: name, securityContext: name });
  expect(entry).toMatchObject({ helper: name, securityContext: name });
  expect(entry.toJSON()).toMatchObject({ helper: name, securityContext: name });
  expect(expectationWith({ helper: name })?.helper).toBe(name);
});

it('an escape tells which character it was; other letters stay', () => {
  const helper = 'é日\\\u0000\u001b\u202e\u{e0001}';
  expect(String(entryWith({ ...TCP_TUPLES, helper }))).toContain(
    'helper=é日\\\\u0000\\u001b\\u202e\\u{e0001}',
  );
});

it('bytes that are no UTF-8 show as U+FFFD', () => {
  const helper = Buffer.from([0x61, 0x9b, 0xff, 0xc2, 0x62]);
  expect(String(entryWith({ ...TCP_TUPLES, helper }))).toContain('helper=a\ufffd\ufffd\ufffdb');
});

it('lines of NODE_DEBUG show no character as it is', async () => {
  const characters = CONTROLS.flatMap(([, all]) => all);
  const program = `
    const { note, Tracer } = await import(${JSON.stringify(TRACE)});
    for (const text of ${JSON.stringify(characters)}) {
      note('x', () => text);
      new Tracer('x', () => text).write({});
    }`;
  const { code, stderr } = await runNode(['--input-type=module', '--eval', program], {
    NODE_DEBUG: 'conntrack',
  });
  expect(code).toBe(0);
  expect(stderr.split('\n')).toHaveLength(2 * characters.length + 1);
  for (const character of characters) {
    if (character !== '\n') expect(stderr).not.toContain(character);
  }
});
