/** Requests of expectations: what is sent, what comes of the answers, and what of a refusal. */
import { inspect } from 'node:util';
import {
  Conntrack,
  type ConntrackError,
  type ExpectationKey,
  type ExpectationSpec,
} from 'conntrack';
import { describe, expect, test } from 'vitest';
import { linked } from '../support/error-link.js';
import {
  ackMessage,
  attribute,
  CTNETLINK_EXPECTATIONS,
  doneMessage,
  type ExpectationDescription,
  errorMessage,
  expectationAttributes,
  expectationMessage,
  FAMILY,
  type Message,
  messageBytes,
  NLM_F,
  nfgenmsg,
  type TupleDescription,
  text,
} from '../support/message-builder.js';

import {
  countExpectations,
  createExpectation,
  deleteExpectation,
  deleteExpectations,
  flushExpectations,
  getExpectation,
  listExpectations,
  updateExpectation,
} from '../support/own-socket.js';
import { acceptFrom, failNext } from '../support/scripted-kernel.js';
import { errorOf } from './outcome.js';

const EPERM = 1;
const ENOENT = 2;
const EBUSY = 16;
const EEXIST = 17;
const EINVAL = 22;
const EMFILE = 24;
const ENOSPC = 28;
const ETIME = 62;
const EOPNOTSUPP = 95;
const absent = () => errorMessage(ENOENT);

type Answer = Message | readonly Message[];

/** Answers the requests of a call in their order; gives them, and what came of the call. */
async function answering<T>(
  call: () => Promise<T>,
  ...answers: readonly Answer[]
): Promise<{ sent: string[]; result: T }> {
  const calling = call();
  const serve = async () => {
    const socket = await acceptFrom(calling);
    const sent: string[] = [];
    for (const messages of answers) {
      sent.push((await socket.request()).toString('hex'));
      await socket.send(...[messages].flat());
    }
    await socket.closed();
    return sent;
  };
  const serving = serve();
  // What fails takes no socket from the next test.
  await Promise.allSettled([calling, serving]);
  return { result: await calling, sent: await serving };
}

/** What the call rejects with. */
async function refusal(
  call: () => Promise<unknown>,
  ...answers: readonly Answer[]
): Promise<ConntrackError> {
  const { result } = await answering(async () => errorOf(call()), ...answers);
  return result as ConntrackError;
}

async function one() {
  const { result } = await answering(listExpectations, [expectationMessage(5), doneMessage()]);
  const [expectation] = result;
  if (expectation === undefined) throw new Error('no expectation');
  return expectation;
}

const { new: NEW, get: GET, delete: DELETE } = CTNETLINK_EXPECTATIONS;

/** The bytes of the request with this number of a handle. */
function request(
  sequence: number,
  type: number,
  flags: number,
  attributes: readonly Buffer[],
  family: number = FAMILY.ipv4,
): string {
  const payload = Buffer.concat([nfgenmsg(family), ...attributes]);
  const message = { type, flags: NLM_F.request | flags, payload };
  return messageBytes(message, { sequence, portId: 0 }).toString('hex');
}

const ends = { source: '10.0.0.1', destination: '10.0.0.2' };
const ends6 = { source: 'fd00::1', destination: 'fd00::2' };
const ones = { source: '255.255.255.255', destination: '255.255.255.255' };
const ones6 = {
  source: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  destination: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
};
const to = { source: '192.0.2.9', destination: '192.0.2.9' };
const data = { ...ends, sourcePort: 0, destinationPort: 50000 };
const control = { ...ends, sourcePort: 40000, destinationPort: 21 };
const dataTuple: TupleDescription = { ...ends, protocol: 6, ports: [0, 50000] };
const controlTuple: TupleDescription = { ...ends, protocol: 6, ports: [40000, 21] };
const master = { ...control, protocol: 'tcp', protocolNumber: 6 } as const;
const KEY: ExpectationKey = { protocol: 'tcp', tuple: data };
const SPEC: ExpectationSpec = { ...KEY, master: control, mask: { sourcePort: 0 } };

describe('what is sent', () => {
  test.each<[string, ExpectationSpec, ExpectationDescription, number?]>([
    [
      'with all that it can have',
      {
        ...SPEC,
        mask: { source: '255.255.0.0', sourcePort: 0xff00 },
        zone: 7,
        timeout: 60,
        flags: ['permanent', 'userspace'],
        class: 3,
        helper: 'fifteen-letters',
        function: 'nat-follow-master',
        nat: { direction: 'reply', address: '192.0.2.9', port: 4321 },
      },
      {
        tuple: dataTuple,
        zone: 7,
        mask: { ...ones, source: '255.255.0.0', protocol: 6, ports: [0xff00, 0xffff] },
        master: controlTuple,
        timeout: 60,
        flags: 5,
        class: 3,
        helper: 'fifteen-letters',
        function: 'nat-follow-master',
        nat: { direction: 1, tuple: { ...to, protocol: 6, ports: [4321, 0] } },
      },
    ],
    [
      'with no more than it needs: all bits of the mask count',
      { ...KEY, master: control },
      {
        tuple: dataTuple,
        mask: { ...ones, protocol: 6, ports: [0xffff, 0xffff] },
        master: controlTuple,
      },
    ],
    [
      'with values that are zero, in the zone 0',
      {
        ...SPEC,
        zone: 0,
        timeout: 0,
        flags: [],
        class: 0,
        nat: { direction: 'original', address: '192.0.2.9' },
      },
      {
        tuple: dataTuple,
        mask: { ...ones, protocol: 6, ports: [0, 0xffff] },
        master: controlTuple,
        timeout: 1,
        flags: 0,
        class: 0,
        nat: { direction: 0, tuple: { ...to, protocol: 6, ports: [0, 0] } },
      },
    ],
    [
      'of IPv6, with flags as an expectation has them',
      {
        protocol: 'udp',
        tuple: { ...ends6, sourcePort: 1, destinationPort: 2 },
        master: { ...ends6, sourcePort: 3, destinationPort: 4 },
        flags: { permanent: false, inactive: true, userspace: false, bits: 2 },
      },
      {
        tuple: { ...ends6, protocol: 17, ports: [1, 2] },
        mask: { ...ones6, protocol: 17, ports: [0xffff, 0xffff] },
        master: { ...ends6, protocol: 17, ports: [3, 4] },
        flags: 2,
      },
      FAMILY.ipv6,
    ],
    [
      'of GRE, by its keys, with a master of TCP',
      {
        protocol: 'gre',
        tuple: { ...ends, sourceKey: 5, destinationKey: 6 },
        master,
        nat: { direction: 'original', address: '192.0.2.9', port: 7 },
      },
      {
        tuple: { ...ends, protocol: 47, ports: [5, 6] },
        mask: { ...ones, protocol: 47, ports: [0xffff, 0xffff] },
        master: controlTuple,
        nat: { direction: 0, tuple: { ...to, protocol: 47, ports: [7, 0] } },
      },
    ],
    [
      'of a protocol without ports',
      {
        protocol: 7,
        tuple: ends,
        master,
        nat: { direction: 'original', address: '192.0.2.9' },
      },
      {
        tuple: { ...ends, protocol: 7 },
        mask: { ...ones, protocol: 7 },
        master: controlTuple,
        nat: { direction: 0, tuple: { ...to, protocol: 7 } },
      },
    ],
  ])('a creation %s', async (_, spec, wanted, family = FAMILY.ipv4) => {
    const { sent, result } = await answering(
      () => createExpectation(spec),
      ackMessage(),
      expectationMessage(5, wanted),
    );
    const { tuple, zone } = wanted;
    const key = expectationAttributes({ tuple, ...(zone !== undefined && { zone }) });
    const flags = NLM_F.create | NLM_F.excl | NLM_F.ack;
    expect(sent).toEqual([
      request(1, NEW, flags, expectationAttributes(wanted), family),
      request(2, GET, 0, key, family),
    ]);
    expect(result.id).toBe(5);
  });

  test('creations at a time each have their own texts', async () => {
    const specs = ['ftp', 'sip'].map((helper) => ({ ...SPEC, helper, function: `of-${helper}` }));
    const conntrack = await Conntrack.open();
    const creating = Promise.all(specs.map((spec) => conntrack.createExpectation(spec)));
    const socket = await acceptFrom(creating);
    const mask: TupleDescription = { ...ones, protocol: 6, ports: [0, 0xffff] };
    const flow = { tuple: dataTuple, mask, master: controlTuple };
    const flags = NLM_F.create | NLM_F.excl | NLM_F.ack;
    const wanted = specs.map(({ helper, function: name }, index) =>
      request(index + 1, NEW, flags, expectationAttributes({ ...flow, helper, function: name })),
    );
    expect((await socket.request()).toString('hex')).toBe(wanted.join(''));
    await socket.send(errorMessage(EEXIST), { ...errorMessage(EEXIST), sequence: 2 });
    await expect(creating).rejects.toMatchObject({ code: 'EEXIST' });
    await conntrack.close();
    await socket.closed();
  });

  test('an update has the timeout alone, and the zone of the key', async () => {
    const mask: TupleDescription = { ...ones, protocol: 6, ports: [0, 0xffff] };
    const wanted = { tuple: dataTuple, zone: 7, mask, master: controlTuple, timeout: 1 };
    const { sent } = await answering(
      () => updateExpectation({ ...KEY, zone: 7 }, { timeout: 0 }),
      expectationMessage(5),
      ackMessage(),
      expectationMessage(5),
    );
    expect(sent).toEqual([
      request(1, GET, 0, expectationAttributes({ tuple: dataTuple, zone: 7 })),
      request(2, NEW, NLM_F.ack, expectationAttributes(wanted)),
      request(3, GET, 0, expectationAttributes({ tuple: dataTuple, zone: 7, id: 5 })),
    ]);
  });

  test.each<[string, ExpectationKey, Partial<ExpectationDescription>]>([
    ['tuple', KEY, {}],
    ['tuple and zone', { ...KEY, zone: 7 }, { zone: 7 }],
    ['tuple and id', { ...KEY, id: 5 }, { id: 5 }],
  ])('a look-up by %s', async (_, key, wanted) => {
    const { sent, result } = await answering(() => getExpectation(key), expectationMessage(5));
    const attributes = expectationAttributes({ tuple: dataTuple, ...wanted });
    expect(sent).toEqual([request(1, GET, 0, attributes)]);
    expect(result?.id).toBe(5);
  });

  test('a delete names tuple and id; without the id when the kernel knows none', async () => {
    const { sent } = await answering(
      () => deleteExpectation(KEY),
      ...[expectationMessage(5), absent(), expectationMessage(5), ackMessage()],
    );
    const byTuple = expectationAttributes({ tuple: dataTuple });
    const byId = expectationAttributes({ tuple: dataTuple, id: 5 });
    expect(sent).toEqual([
      request(1, GET, 0, byTuple),
      request(2, DELETE, NLM_F.ack, byId),
      request(3, GET, 0, byId),
      request(4, DELETE, NLM_F.ack, byTuple),
    ]);
  });

  test.each<[string, { helper: string } | undefined, Buffer[]]>([
    ['of all', undefined, []],
    ['of one helper', { helper: 'ftp' }, [attribute(6, text('ftp'))]],
  ])('a flush %s', async (_, options, attributes) => {
    const { sent } = await answering(() => flushExpectations(options), ackMessage());
    expect(sent).toEqual([request(1, DELETE, NLM_F.ack, attributes, FAMILY.unspecified)]);
  });
});

describe('what is read', () => {
  const some = [
    expectationMessage(1),
    expectationMessage(2, { helper: 'sip' }),
    expectationMessage(3),
    doneMessage(),
  ];

  test('a list has what matches, in the order of the kernel', async () => {
    const list = async (...filter: Parameters<typeof listExpectations>) =>
      (await answering(() => listExpectations(...filter), some)).result.map(({ id }) => id);
    expect(await list()).toEqual([1, 2, 3]);
    expect(await list({ helper: 'ftp' })).toEqual([1, 3]);
    expect(await list([])).toEqual([]);
  });

  test('a count has as many as a list', async () => {
    const count = async (...filter: Parameters<typeof countExpectations>) =>
      (await answering(() => countExpectations(...filter), some)).result;
    expect(await count()).toBe(3);
    expect(await count({ not: { helper: 'ftp' } })).toBe(1);
  });

  test.each<[string, ExpectationKey, Message]>([
    ['is not there', KEY, absent()],
    ['has another id', { ...KEY, id: 6 }, expectationMessage(5)],
    [
      'has another tuple, under whose mask this one is expected',
      { ...KEY, tuple: { ...data, sourcePort: 5 } },
      expectationMessage(5),
    ],
  ])('one that %s is undefined', async (_, key, message) => {
    const { result } = await answering(() => getExpectation(key), message);
    expect(result).toBeUndefined();
  });
});

describe('an expectation', () => {
  const read = async (expectation: Partial<ExpectationDescription>) => {
    const message = expectationMessage(5, expectation);
    const { result } = await answering(listExpectations, [message, doneMessage()]);
    const [first] = result;
    if (first === undefined) throw new Error('no expectation');
    return first;
  };
  const mask: TupleDescription = { ...ones, protocol: 6, ports: [0, 0xffff] };
  const whole: ExpectationDescription = {
    tuple: dataTuple,
    mask,
    master: controlTuple,
    zone: 7,
    timeout: 60,
    flags: 0x85,
    class: 3,
    helper: 'sip',
    function: 'nat-follow-master',
    nat: { direction: 1, tuple: { ...to, protocol: 6, ports: [4321, 0] } },
  };
  const leastTuple: TupleDescription = { ...ends6, protocol: 7 };
  // A kernel sends these three, and the id.
  const least = {
    ...{ tuple: leastTuple, mask: { ...ones6, protocol: 7 }, master: leastTuple },
    ...{ timeout: undefined, helper: undefined },
  };

  test('has all that the kernel sent', async () => {
    const expectation = await read(whole);
    const json = {
      family: 'ipv4',
      protocol: 'tcp',
      protocolNumber: 6,
      tuple: data,
      mask: { ...ones, sourcePort: 0, destinationPort: 65535 },
      master,
      id: 5,
      zone: 7,
      timeout: 60,
      flags: { bits: 0x85, permanent: true, inactive: false, userspace: true },
      class: 3,
      helper: 'sip',
      function: 'nat-follow-master',
      nat: { direction: 'reply', address: '192.0.2.9', port: 4321 },
      unknownAttributes: 0,
    };
    expect(expectation.toJSON()).toEqual(json);
    expect(expectation).toMatchObject(json);
  });

  test('has nothing that the kernel did not send', async () => {
    const expectation = await read(least);
    expect(expectation.toJSON()).toEqual({
      family: 'ipv6',
      protocol: 'other',
      protocolNumber: 7,
      tuple: ends6,
      mask: ones6,
      master: { ...ends6, protocol: 'other', protocolNumber: 7 },
      id: 5,
      zone: 0,
      flags: { bits: 0, permanent: false, inactive: false, userspace: false },
      unknownAttributes: 0,
    });
    const { timeout, class: number, helper, function: name, nat } = expectation;
    expect([timeout, number, helper, name, nat]).toEqual(Array(5).fill(undefined));
  });

  test.each<[string, Partial<ExpectationDescription>, object]>([
    ['a function without a helper', { function: 'f', helper: undefined }, { function: 'f' }],
    ['a class of 0', { class: 0 }, { class: 0 }],
    [
      'NAT of the original direction, without a port',
      { ...least, nat: { direction: 0, tuple: { ...ends6, protocol: 7 } } },
      { nat: { direction: 'original', address: 'fd00::1' } },
    ],
  ])('has %s', async (_, expectation, wanted) => {
    expect((await read(expectation)).toJSON()).toMatchObject(wanted);
  });

  const flow = 'src=10.0.0.1 dst=10.0.0.2 sport=0 dport=50000';
  const masks =
    'mask-src=255.255.255.255 mask-dst=255.255.255.255 sport=0 dport=65535 ' +
    'master-src=10.0.0.1 master-dst=10.0.0.2 sport=40000 dport=21';

  test.each<[string, Partial<ExpectationDescription>, string]>([
    ['with a helper', {}, `300 proto=6 ${flow} ${masks} helper=ftp`],
    [
      'with all',
      whole,
      `60 proto=6 ${flow} ${masks} zone=7 PERMANENT,USERSPACE class=3 helper=sip`,
    ],
    ['of the zone 0', { zone: 0 }, `300 proto=6 ${flow} ${masks} zone=0 helper=ftp`],
    [
      'of another protocol than its master',
      { ...least, master: { ...ends6, protocol: 17, ports: [1, 2] } },
      `0 proto=7 src=fd00::1 dst=fd00::2 mask-src=${ones6.source} mask-dst=${ones6.source} ` +
        'master-src=fd00::1 master-dst=fd00::2 sport=1 dport=2',
    ],
  ])('%s prints the line of conntrack', async (_, expectation, line) => {
    expect(String(await read(expectation))).toBe(line);
  });

  test('is shown with what it has, and the flags that are set', async () => {
    const expectation = await read(whole);
    const shown = inspect(expectation);
    expect(shown).toMatch(/^Expectation \{/);
    expect(shown).toContain("flags: [ 'permanent', 'userspace' ]");
    expect(shown).toContain("helper: 'sip'");
    expect(inspect(expectation, { depth: 0 })).toMatch(/^Expectation \{/);
    expect(inspect({ it: expectation }, { depth: 0 })).toBe('{ it: [Expectation] }');
    expect(inspect(await read(least))).toContain('flags: []');
  });
});

describe('a refusal', () => {
  const portless = { protocol: 'gre', tuple: ends } as const;

  test.each<[string, number, string, RegExp]>([
    ['of an unknown master', ENOENT, 'ENOENT', /no entry has the master's tuple/],
    ['of a master without a helper', EOPNOTSUPP, 'EOPNOTSUPP', /the master has no helper/],
    ['of one that exists', EEXIST, 'EEXIST', /exists already/],
    ['of one that clashes', EBUSY, 'EBUSY', /clashes with this one/],
    ['of one too many', EMFILE, 'EMFILE', /nf_conntrack_expect_max/],
    ['for lack of privileges', EPERM, 'EPERM', /CAP_NET_ADMIN/],
    ['without a known reason', ENOSPC, 'ENOSPC', /the kernel answered ENOSPC/],
    ['of a wrong value', EINVAL, 'EINVAL', /the kernel answered EINVAL/],
  ])('of a creation, %s', async (_, errno, code, message) => {
    const error = await refusal(() => createExpectation(SPEC), errorMessage(errno, 'Go away'));
    expect(error).toMatchObject({ code, errno, operation: 'createExpectation' });
    expect(error).toMatchObject({ detail: 'Go away' });
    expect(error).not.toHaveProperty('syscall');
    expect(error.message).toMatch(message);
  });

  test.each<[string, () => Promise<unknown>]>([
    ['createExpectation', () => createExpectation({ ...portless, master })],
    ['getExpectation', () => getExpectation(portless)],
    ['updateExpectation', () => updateExpectation(portless, { timeout: 5 })],
    ['deleteExpectation', () => deleteExpectation(portless)],
  ])('of a tuple without the keys that the kernel wants: %s', async (operation, call) => {
    const error = await refusal(call, errorMessage(EINVAL));
    expect(error).toMatchObject({ code: 'EINVAL', operation });
    expect(error.hint).toContain('of GRE, sourceKey and destinationKey');
  });

  test.each<[string, () => Promise<unknown>]>([
    ['getExpectation', () => getExpectation(KEY)],
    ['updateExpectation', () => updateExpectation(KEY, { timeout: 5 })],
    ['deleteExpectation', () => deleteExpectation(KEY)],
  ])('of a look-up: %s', async (operation, call) => {
    const error = await refusal(call, errorMessage(EINVAL));
    expect(error).toMatchObject({ code: 'EINVAL', operation });
    expect(error.hint).toBe(linked('EINVAL'));
  });

  test.each<[string, () => Promise<unknown>]>([
    ['listExpectations', () => listExpectations()],
    ['countExpectations', () => countExpectations()],
    ['deleteExpectations', () => deleteExpectations({ helper: 'ftp' })],
    ['flushExpectations', () => flushExpectations()],
    ['flushExpectations', () => flushExpectations({ helper: 'ftp' })],
  ])('for lack of ctnetlink is unsupported: %s', async (operation, call) => {
    const error = await refusal(call, errorMessage(EINVAL));
    expect(error).toMatchObject({ code: 'ERR_CONNTRACK_UNSUPPORTED', errno: EINVAL, operation });
  });

  test('of the look at what was created, or its end, says that it was', async () => {
    const ended = await refusal(() => createExpectation(SPEC), ackMessage(), absent());
    expect(ended).toMatchObject({ code: 'ENOENT', operation: 'createExpectation' });
    expect(ended.message).toContain('was created, but ended');
    expect(ended.cause).toBeUndefined();
    const error = await refusal(() => createExpectation(SPEC), ackMessage(), errorMessage(EPERM));
    expect(error).toMatchObject({ code: 'EPERM', errno: EPERM, cause: { code: 'EPERM' } });
    expect(error.message).toContain('was created, but could not be read: EPERM');
  });

  test('of the look at what was changed says that it was', async () => {
    const error = await refusal(
      () => updateExpectation(KEY, { timeout: 5 }),
      ...[expectationMessage(5), ackMessage(), errorMessage(EPERM)],
    );
    expect(error).toMatchObject({ code: 'EPERM', operation: 'updateExpectation' });
    expect(error.message).toContain('was changed, but could not be read: EPERM');
  });

  test.each<[string, () => Promise<unknown>]>([
    ['createExpectation', () => createExpectation(SPEC)],
    ['getExpectation', () => getExpectation(KEY)],
    ['listExpectations', () => listExpectations()],
    ['flushExpectations', () => flushExpectations()],
  ])('of a system call is not taken for one of the kernel: %s', async (operation, call) => {
    failNext('sendto', 'EMFILE');
    const error = await refusal(call);
    expect(error).toMatchObject({ code: 'EMFILE', operation, syscall: 'sendto' });
    expect(error.message).toContain('sendto failed: EMFILE');
  });

  test('of a system call is not taken for the end of what was to be changed', async () => {
    const updating = errorOf(updateExpectation(KEY, { timeout: 5 }));
    const socket = await acceptFrom(updating);
    await socket.request();
    failNext('sendto', 'ENOENT');
    await socket.send(expectationMessage(5));
    const error = (await updating) as ConntrackError;
    expect(error).toMatchObject({ code: 'ENOENT', syscall: 'sendto' });
    expect(error.message).toContain('sendto failed: ENOENT');
    await socket.closed();
  });
});

describe('deleteExpectation', () => {
  test.each<[string, Message[], boolean]>([
    ['is there', [expectationMessage(5), ackMessage()], true],
    ['is not there', [absent()], false],
    ['ended before the delete', [expectationMessage(5), absent(), absent()], false],
    [
      'was replaced before the delete',
      [expectationMessage(5), absent(), expectationMessage(6)],
      false,
    ],
    [
      'is there, and the kernel knows no id',
      [expectationMessage(5), absent(), expectationMessage(5), ackMessage()],
      true,
    ],
    [
      'ended before it was deleted without the id',
      [expectationMessage(5), absent(), expectationMessage(5), absent()],
      false,
    ],
  ])('of one that %s', async (_, messages, isDeleted) => {
    const expectation = await one();
    const { result } = await answering(() => deleteExpectation(expectation), ...messages);
    expect(result).toBe(isDeleted);
  });

  test.each<[string, Message[]]>([
    ['the delete', [expectationMessage(5)]],
    ['the delete without the id', [expectationMessage(5), absent(), expectationMessage(5)]],
  ])('rejects when the kernel refuses %s', async (_, messages) => {
    const error = await refusal(() => deleteExpectation(KEY), ...messages, errorMessage(EPERM));
    expect(error).toMatchObject({ code: 'EPERM', operation: 'deleteExpectation' });
  });
});

describe('deleteExpectations', () => {
  const of = { helper: 'ftp' };
  const listed = [expectationMessage(5), doneMessage()];

  test('names tuple and id, and counts what has ended', async () => {
    // The list, the delete, the look whether the kernel knows no id, and the look at all of them.
    const { sent, result } = await answering(
      () => deleteExpectations(of),
      ...[listed, absent(), absent(), doneMessage()],
    );
    expect(result).toEqual({ matched: 1, deleted: 0, vanished: 1 });
    const attributes = expectationAttributes({ tuple: dataTuple, id: 5 });
    expect(sent.slice(1, 3)).toEqual([
      request(2, DELETE, NLM_F.ack, attributes),
      request(3, GET, 0, attributes),
    ]);
  });

  test('deletes what matches, and counts it', async () => {
    const others = expectationMessage(6, { helper: 'sip' });
    const { sent, result } = await answering(
      () => deleteExpectations(of),
      [expectationMessage(5), others, expectationMessage(7), doneMessage()],
      [ackMessage(), { ...ackMessage(), sequence: 3 }],
    );
    expect(result).toEqual({ matched: 2, deleted: 2, vanished: 0 });
    expect(sent).toHaveLength(2);
  });

  test('rejects when one that it could not delete is still there', async () => {
    const error = await refusal(
      () => deleteExpectations(of),
      ...[
        listed,
        absent(),
        absent(),
        [expectationMessage(5), expectationMessage(6), doneMessage()],
      ],
    );
    expect(error).toMatchObject({ code: 'EOPNOTSUPP', operation: 'deleteExpectations' });
    expect(error.message).toContain('1 of the expectations are in other zones');
    expect(error.hint).toContain('flushExpectations({ helper })');
  });

  test('rejects with the counts of what was done before, and of what had ended', async () => {
    const listed3 = [5, 6, 7].map((id) => expectationMessage(id));
    const error = await refusal(
      () => deleteExpectations(of),
      [...listed3, doneMessage()],
      [ackMessage(), { ...absent(), sequence: 3 }, { ...errorMessage(EBUSY), sequence: 4 }],
      absent(),
    );
    expect(error).toMatchObject({ code: 'EBUSY' });
    expect(error.hint).toBe(linked('EBUSY', 'Before the failure: 3 matched, 1 deleted.'));
  });

  test('rejects with what the kernel answers, and what was done before', async () => {
    const error = await refusal(
      () => deleteExpectations(of),
      [expectationMessage(5), expectationMessage(7), doneMessage()],
      [ackMessage(), { ...errorMessage(EPERM, 'Go away'), sequence: 3 }],
    );
    expect(error).toMatchObject({ code: 'EPERM', errno: EPERM, detail: 'Go away' });
    expect(error.operation).toBe('deleteExpectations');
    expect(error.outcome).toBeUndefined();
    expect(error.hint).toMatch(/^Before the failure: 2 matched, 1 deleted\. Grant it .*setcap/s);
    expect(error.message.match(/See conntrack/g)).toHaveLength(1);
    const [first] = error.message.split('\n');
    expect(first).toMatch(
      /^deleteExpectations: this process lacks CAP_NET_ADMIN.* \(kernel: Go away\)$/,
    );
    expect(error.message.match(/Go away/g)).toHaveLength(1);
  });

  test('rejects with the first failure; another delete may have been done', async () => {
    const deleting = errorOf(deleteExpectations(of));
    const socket = await acceptFrom(deleting);
    await socket.request();
    await socket.send(expectationMessage(5), expectationMessage(7), doneMessage());
    await socket.request();
    await socket.send(errorMessage(EBUSY));
    await socket.send(Buffer.alloc(5));
    expect(await deleting).toMatchObject({
      code: 'EBUSY',
      outcome: 'unknown',
      hint: linked('EBUSY', 'Before the failure: 2 matched, 0 deleted.'),
    });
    await socket.closed();
  });

  test.each<[string, unknown]>([
    ['no filter', undefined],
    ['a filter without conditions', {}],
    ['a whole family', { family: 'ipv4' }],
    ['one of several', [{ id: 5 }, {}]],
  ])('refuses %s, and sends nothing', async (_, filter) => {
    await expect(deleteExpectations(filter as object)).rejects.toThrow(
      /^filter: matches a whole address family.* flushExpectations\(\)/,
    );
  });
});

describe('updateExpectation', () => {
  test.each<[string, Message[], string, RegExp]>([
    ['is not there', [absent()], 'ENOENT', /no expectation has this key/],
    ['has another id', [expectationMessage(6)], 'ENOENT', /no expectation has this key/],
    ['ended before the update', [expectationMessage(5), absent()], 'ENOENT', /has ended/],
    [
      'is about to end',
      [expectationMessage(5), errorMessage(ETIME)],
      'ETIME',
      /timeout .* is over/,
    ],
    ['ended since', [expectationMessage(5), ackMessage(), absent()], 'ENOENT', /was changed, but/],
    [
      'was replaced since',
      [expectationMessage(5), ackMessage(), expectationMessage(6)],
      'ENOENT',
      /was changed, but/,
    ],
    ['may not be changed', [expectationMessage(5), errorMessage(EPERM)], 'EPERM', /CAP_NET_ADMIN/],
  ])('of one that %s', async (_, messages, code, message) => {
    const expectation = await one();
    const error = await refusal(() => updateExpectation(expectation, { timeout: 60 }), ...messages);
    expect(error).toMatchObject({ code, operation: 'updateExpectation' });
    expect(error.message).toMatch(message);
  });

  test('resolves with what the kernel has', async () => {
    const expectation = await one();
    const { result } = await answering(
      () => updateExpectation(expectation, { timeout: 60 }),
      ...[expectationMessage(5), ackMessage(), expectationMessage(5, { timeout: 59 })],
    );
    expect(result.toJSON()).toEqual({ ...expectation.toJSON(), timeout: 59 });
  });
});
