/** Timeout policies of a kernel that lacks them, sends more than is known, or changes them meanwhile. */
import { ConntrackError, type TimeoutPolicySpec } from 'conntrack';
import { describe, expect, test } from 'vitest';
import {
  ackMessage,
  attribute,
  CTNETLINK_TIMEOUTS,
  doneMessage,
  errorMessage,
  FAMILY,
  type Message,
  messageBytes,
  NLM_F,
  nfgenmsg,
  type TimeoutsDescription,
  text,
  timeoutAttributes,
  timeoutMessage,
  u16,
  u32,
} from '../support/message-builder.js';
import {
  createTimeoutPolicy,
  deleteTimeoutPolicy,
  getTimeoutPolicy,
  listTimeoutPolicies,
  readDefaultTimeouts,
  updateTimeoutPolicy,
  writeDefaultTimeouts,
} from '../support/own-socket.js';
import { accept, failNext, type KernelSocket } from '../support/scripted-kernel.js';
import { errorOf } from './outcome.js';

const ENOENT = 2;
const ENOMEM = 12;
const EBUSY = 16;
const EEXIST = 17;
const EINVAL = 22;
const EOPNOTSUPP = 95;
const UDP: TimeoutsDescription = { name: 'web', protocol: 17, seconds: { 1: 30, 2: 120 }, use: 1 };
const SPEC: TimeoutPolicySpec = { name: 'web', family: 'ipv4', protocol: 'udp' };

/** The bytes of a request. */
function request(type: number, flags: number, attributes: readonly Buffer[], sequence = 1): string {
  const payload = Buffer.concat([nfgenmsg(0), ...attributes]);
  return messageBytes(
    { type, flags: NLM_F.request | flags, payload },
    { sequence, portId: 0 },
  ).toString('hex');
}

/** Answers the datagrams of a call in their order; gives these, and what came of the call. */
async function answering<T>(
  call: () => Promise<T>,
  ...answers: readonly (Message | readonly Message[])[]
): Promise<{ sent: string[]; result: T }> {
  const result = call();
  result.catch(() => undefined);
  const socket: KernelSocket = await accept();
  const sent: string[] = [];
  for (const answer of answers) {
    sent.push((await socket.request()).toString('hex'));
    await socket.send(...[answer].flat());
  }
  return { sent, result: await result };
}

const errorWith = async (
  call: () => Promise<unknown>,
  ...answers: Parameters<typeof answering>[1][]
) => errorOf(answering(call, ...answers));

/** Of the second message of a datagram. */
const second = (message: Message): Message => ({ ...message, sequence: 2 });

/** Those of a write that follows a get. */
const behindGet = (message: Message, index: number): Message => ({
  ...message,
  sequence: 2 + index,
});

describe('what is sent', () => {
  const get = (sequence?: number) =>
    request(CTNETLINK_TIMEOUTS.get, 0, [attribute(1, text('web'))], sequence);

  test('a delete names the policy, and asks for an ack', async () => {
    const { sent, result } = await answering(() => deleteTimeoutPolicy('web'), ackMessage());
    const expected = request(CTNETLINK_TIMEOUTS.delete, NLM_F.ack, [attribute(1, text('web'))]);
    expect(sent).toEqual([expected]);
    expect(result).toBe(true);
  });

  test('a creation, which must not replace one, and a get behind it', async () => {
    const { sent, result } = await answering(
      () => createTimeoutPolicy({ ...SPEC, timeouts: { replied: 5 } }),
      second(timeoutMessage(UDP)),
    );
    const { use: _, ...wanted } = { ...UDP, seconds: { 2: 5 } };
    const flags = NLM_F.create | NLM_F.excl;
    const created = request(CTNETLINK_TIMEOUTS.new, flags, timeoutAttributes(wanted));
    expect(sent).toEqual([created + get(2)]);
    expect(result).toEqual({
      name: 'web',
      family: 'ipv4',
      protocol: 'udp',
      protocolNumber: 17,
      timeouts: { unreplied: 30, replied: 120 },
      use: 1,
      unknownAttributes: 0,
    });
  });

  test('a change has all that the kernel sent: also states without a name, and any family', async () => {
    const had = { ...UDP, family: 99, seconds: { 1: 30, 2: 120, 9: 4_000_000_000, 31: 7 } };
    const { sent } = await answering(
      () => updateTimeoutPolicy('web', { replied: 5 }),
      timeoutMessage(had),
      { ...timeoutMessage(UDP), sequence: 3 },
    );
    const { use: _, ...wanted } = { ...had, seconds: { ...had.seconds, 2: 5 } };
    const replaced = request(CTNETLINK_TIMEOUTS.new, NLM_F.replace, timeoutAttributes(wanted), 2);
    expect(sent).toEqual([get(), replaced + get(3)]);
  });

  test.each<[string, TimeoutPolicySpec, TimeoutsDescription]>([
    [
      'of IPv6',
      { name: 'web', family: 'ipv6', protocol: 'icmpv6', timeouts: { timeout: 2_147_483 } },
      { name: 'web', family: FAMILY.ipv6, protocol: 58, seconds: { 1: 2_147_483 } },
    ],
    [
      'with a name of 31 bytes, and the first and last state of its protocol',
      {
        ...SPEC,
        name: `${'€'.repeat(10)}x`,
        protocol: 'sctp',
        timeouts: { closed: 0, heartbeatAcked: 9 },
      },
      { name: `${'€'.repeat(10)}x`, protocol: 132, seconds: { 1: 0, 9: 9 } },
    ],
    [
      'of a protocol by its number',
      { ...SPEC, protocol: 'other', protocolNumber: 99 },
      { name: 'web', protocol: 99, seconds: {} },
    ],
    [
      'of all protocols without timeouts of their own',
      { ...SPEC, protocol: 'generic', timeouts: { timeout: 5 } },
      { name: 'web', protocol: 255, seconds: { 1: 5 } },
    ],
  ])('a creation %s', async (_, spec, wanted) => {
    const { sent, result } = await answering(
      () => createTimeoutPolicy(spec),
      second(timeoutMessage(wanted)),
    );
    const flags = NLM_F.create | NLM_F.excl;
    const created = request(CTNETLINK_TIMEOUTS.new, flags, timeoutAttributes(wanted));
    expect(sent[0]?.startsWith(created)).toBe(true);
    const { name, family, protocol, timeouts = {} } = spec;
    const protocolNumber = wanted.protocol;
    expect(result).toMatchObject({ name, family, protocol, protocolNumber, timeouts });
  });

  test('defaults are written and read back for one family', async () => {
    const { sent, result } = await answering(
      () => writeDefaultTimeouts(17, { replied: 0 }),
      second(timeoutMessage({ protocol: 17, seconds: { 1: 30, 2: 0 } })),
    );
    const set = timeoutAttributes({ protocol: 17, seconds: { 2: 0 } });
    expect(sent).toEqual([
      request(CTNETLINK_TIMEOUTS.defaultSet, 0, set) +
        request(CTNETLINK_TIMEOUTS.defaultGet, 0, set.slice(0, 2), 2),
    ]);
    expect(result.timeouts).toEqual({ unreplied: 30, replied: 0 });
  });
});

test.each<['udp' | 'generic' | 17 | 99, number, object]>([
  ['udp', 17, { protocol: 'udp', timeouts: { unreplied: 30, replied: 120 } }],
  [17, 17, { protocol: 'udp', timeouts: { unreplied: 30, replied: 120 } }],
  ['generic', 255, { protocol: 'generic', timeouts: { timeout: 30 }, unknownAttributes: 1 }],
  [99, 99, { protocol: 'other', timeouts: {}, unknownAttributes: 2 }],
])('the defaults of %s are read for one family', async (protocol, protocolNumber, wanted) => {
  const { sent, result } = await answering(
    () => readDefaultTimeouts(protocol),
    timeoutMessage({ protocol: protocolNumber, seconds: { 1: 30, 2: 120 } }),
  );
  const asked = timeoutAttributes({ protocol: protocolNumber, seconds: {} }).slice(0, 2);
  expect(sent).toEqual([request(CTNETLINK_TIMEOUTS.defaultGet, 0, asked)]);
  expect(result).toEqual({ protocolNumber, unknownAttributes: 0, ...wanted });
});

describe('what is not known', () => {
  test('is counted, and what was not sent is absent', async () => {
    const odd: TimeoutsDescription = {
      name: 'odd',
      family: 99,
      protocol: 253,
      seconds: { 1: 5, 40: 6 },
      more: [attribute(77, u32(1))],
    };
    const tcp: TimeoutsDescription = { name: 'tcp', protocol: 6, seconds: { 3: 0, 12: 9 } };
    const { result } = await answering(listTimeoutPolicies, [
      timeoutMessage({ ...odd, name: 'none', family: FAMILY.unspecified }),
      timeoutMessage(odd),
      timeoutMessage(tcp),
      doneMessage(),
    ]);
    expect(result.shift()).toMatchObject({ name: 'none', family: 'UNKNOWN(0)' });
    expect(result).toEqual([
      {
        name: 'odd',
        family: 'UNKNOWN(99)',
        protocol: 'other',
        protocolNumber: 253,
        timeouts: {},
        unknownAttributes: 3,
      },
      {
        name: 'tcp',
        family: 'ipv4',
        protocol: 'tcp',
        protocolNumber: 6,
        timeouts: { established: 0 },
        unknownAttributes: 1,
      },
    ]);
    expect(result[0]).not.toHaveProperty('use');
  });

  test.each<[string, TimeoutsDescription]>([
    ['a name that is too long', { ...UDP, name: 'x'.repeat(32) }],
    ['seconds of two bytes', { ...UDP, more: [attribute(4, attribute(1, u16(5)))] }],
  ])('%s is no answer', async (_, timeouts) => {
    const error = await errorWith(() => getTimeoutPolicy('web'), timeoutMessage(timeouts));
    expect(error).toMatchObject({ code: 'EBADMSG', operation: 'getTimeoutPolicy' });
  });
});

describe('a kernel without the module', () => {
  const refused = () => errorMessage(EINVAL);

  test.each<[string, () => Promise<unknown>, Message[]]>([
    ['listTimeoutPolicies', listTimeoutPolicies, [refused()]],
    ['getTimeoutPolicy', () => getTimeoutPolicy('web'), [refused()]],
    ['createTimeoutPolicy', () => createTimeoutPolicy(SPEC), [refused(), second(refused())]],
    ['updateTimeoutPolicy', () => updateTimeoutPolicy('web', { replied: 1 }), [refused()]],
    ['deleteTimeoutPolicy', () => deleteTimeoutPolicy('web'), [refused()]],
    ['readDefaultTimeouts', () => readDefaultTimeouts('udp'), [refused()]],
    [
      'writeDefaultTimeouts',
      () => writeDefaultTimeouts('udp', { replied: 1 }),
      [refused(), second(refused())],
    ],
  ])('%s says which one', async (operation, call, answers) => {
    const error = await errorWith(call, answers);
    expect(error).toMatchObject({ code: 'ERR_CONNTRACK_UNSUPPORTED', operation, errno: EINVAL });
    expect((error as ConntrackError).hint).toContain('modprobe nfnetlink_cttimeout');
  });
});

describe('what the kernel refuses', () => {
  const update = () => updateTimeoutPolicy('web', { replied: 5 });
  const create = () => createTimeoutPolicy(SPEC);
  const write = () => writeDefaultTimeouts('udp', { replied: 5 });

  test.each<[string, number, () => Promise<unknown>, string, RegExp]>([
    ['a list', ENOMEM, listTimeoutPolicies, 'ENOMEM', /ENOMEM/],
    ['a look', ENOMEM, () => getTimeoutPolicy('web'), 'ENOMEM', /ENOMEM/],
    ['a delete', ENOMEM, () => deleteTimeoutPolicy('web'), 'ENOMEM', /ENOMEM/],
    ['a creation', ENOMEM, create, 'ENOMEM', /ENOMEM/],
    ['defaults', ENOMEM, () => readDefaultTimeouts('udp'), 'ENOMEM', /ENOMEM/],
    ['new defaults', ENOMEM, write, 'ENOMEM', /ENOMEM/],
    ['a delete', EBUSY, () => deleteTimeoutPolicy('web'), 'EBUSY', /a rule uses .*'web'.*raw/s],
    ['a protocol', EOPNOTSUPP, create, 'ERR_CONNTRACK_UNSUPPORTED', /for protocol udp.*'generic'/s],
    [
      'a protocol without a name',
      EOPNOTSUPP,
      () => readDefaultTimeouts(99),
      'ERR_CONNTRACK_UNSUPPORTED',
      /for protocol 99/,
    ],
    [
      'new defaults of a protocol',
      EOPNOTSUPP,
      write,
      'ERR_CONNTRACK_UNSUPPORTED',
      /for protocol udp/,
    ],
    ['a look before a change', ENOMEM, update, 'ENOMEM', /ENOMEM/],
    ['a change of none', ENOENT, update, 'ENOENT', /no timeout policy 'web'.*createTimeoutPolicy/s],
  ])('%s, with errno %i', async (_, errno, call, code, message) => {
    // The second one answers the get behind a write.
    const error = await errorWith(call, [errorMessage(errno), second(errorMessage(errno))]);
    expect(error).toMatchObject({ code, errno });
    expect(String(error)).toMatch(message);
  });

  test('a change, after the look', async () => {
    const answers = [errorMessage(ENOMEM), errorMessage(ENOMEM)];
    const error = await errorWith(update, timeoutMessage(UDP), answers.map(behindGet));
    expect(error).toMatchObject({ code: 'ENOMEM', operation: 'updateTimeoutPolicy' });
    expect(String(error)).not.toContain('replaced');
  });

  test.each([
    ['deleteTimeoutPolicy', () => deleteTimeoutPolicy('web'), false],
    ['getTimeoutPolicy', () => getTimeoutPolicy('web'), undefined],
  ])('what is not there is no error: %s', async (_, call, wanted) => {
    const { result } = await answering<unknown>(call, errorMessage(ENOENT));
    expect(result).toBe(wanted);
  });
});

describe('a system call that fails', () => {
  const failed = { code: 'EINVAL', syscall: 'sendto' };

  test.each<[string, () => Promise<unknown>]>([
    ['listTimeoutPolicies', listTimeoutPolicies],
    ['getTimeoutPolicy', () => getTimeoutPolicy('web')],
    ['createTimeoutPolicy', () => createTimeoutPolicy(SPEC)],
    ['updateTimeoutPolicy', () => updateTimeoutPolicy('web', { replied: 5 })],
    ['deleteTimeoutPolicy', () => deleteTimeoutPolicy('web')],
    ['readDefaultTimeouts', () => readDefaultTimeouts('udp')],
    ['writeDefaultTimeouts', () => writeDefaultTimeouts('udp', { replied: 5 })],
  ])('is no answer of the kernel: %s', async (operation, call) => {
    failNext('sendto', 'EINVAL');
    const failing = errorOf(call());
    await accept();
    expect(await failing).toMatchObject({ ...failed, operation });
  });

  test('does not mean that another program has replaced a policy', async () => {
    const failing = errorOf(updateTimeoutPolicy('web', { replied: 5 }));
    const socket = await accept();
    await socket.request();
    failNext('sendto', 'EINVAL');
    await socket.send(timeoutMessage(UDP));
    const error = await failing;
    expect(error).toMatchObject({ ...failed, operation: 'updateTimeoutPolicy' });
    expect(String(error)).not.toContain('replaced');
  });
});

describe('another program', () => {
  const update = () => updateTimeoutPolicy('web', { replied: 5 });

  test('has replaced the policy before it is changed', async () => {
    const error = await errorWith(
      update,
      timeoutMessage(UDP),
      [errorMessage(EINVAL), timeoutMessage({ ...UDP, protocol: 6 })].map(behindGet),
    );
    expect(error).toMatchObject({ code: 'EINVAL', operation: 'updateTimeoutPolicy' });
    expect(String(error)).toContain("replaced the timeout policy 'web'");
  });

  test('has deleted it, and the kernel does not create it again', async () => {
    const answers = [errorMessage(ENOENT), errorMessage(ENOENT)];
    const error = await errorWith(update, timeoutMessage(UDP), answers.map(behindGet));
    expect(error).toMatchObject({ code: 'ENOENT', operation: 'updateTimeoutPolicy' });
    expect(String(error)).toMatch(/no timeout policy 'web'.*createTimeoutPolicy/s);
  });

  test.each<[string, () => Promise<unknown>, readonly Message[], string]>([
    ['was created', () => createTimeoutPolicy(SPEC), [], 'createTimeoutPolicy'],
    ['was changed', update, [timeoutMessage(UDP)], 'updateTimeoutPolicy'],
  ])('deletes it when it %s', async (done, call, before, operation) => {
    const gone = { ...errorMessage(ENOENT), sequence: before.length + 2 };
    const error = await errorWith(call, ...before, gone);
    expect(error).toMatchObject({ code: 'ENOENT', operation });
    expect(String(error)).toContain(`the timeout policy ${done}, but could not be read: ENOENT`);
  });

  test('has one of this name already: what is there is no result', async () => {
    const error = await errorWith(
      () => createTimeoutPolicy(SPEC),
      [errorMessage(EEXIST), second(timeoutMessage(UDP))],
    );
    expect(error).toBeInstanceOf(ConntrackError);
    expect(error).toMatchObject({ code: 'EEXIST', operation: 'createTimeoutPolicy' });
    expect(String(error)).toMatch(/policy 'web' exists already.*updateTimeoutPolicy/s);
  });
});
