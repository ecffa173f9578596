import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { deleteEntries, listEntries, streamEntries, watchEvents } from 'conntrack';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  ackMessage,
  doneMessage,
  entryMessage,
  errorMessage,
  NLM_F,
  statsMessage,
} from '../support/message-builder.js';
import { countEntries, getEntry, listTimeoutPolicies } from '../support/own-socket.js';
import { accept, answer } from '../support/scripted-kernel.js';
import { flow, flows, tcpKey } from './flows.js';
import { errorOf } from './outcome.js';

describe('the channels of diagnostics_channel', () => {
  const names = ['conntrack:request', 'conntrack:dump', 'conntrack:loss'];
  let messages: { channel: string | symbol; message: unknown }[] = [];
  const receive = (message: unknown, channel: string | symbol) => {
    messages.push({ channel, message });
  };

  beforeEach(() => {
    messages = [];
    for (const name of names) subscribe(name, receive);
  });
  afterEach(() => {
    for (const name of names) unsubscribe(name, receive);
  });

  const milliseconds: unknown = expect.closeTo(500, -3);

  test('conntrack:request has each request, and the code of a failure', async () => {
    await Promise.all([countEntries(), answer([statsMessage(1), ackMessage()])]);
    await Promise.all([getEntry(tcpKey), answer([errorMessage(2)])]);
    const channel = 'conntrack:request';
    expect(messages).toEqual([
      { channel, message: { operation: 'countEntries', request: 'usage', milliseconds } },
      { channel, message: { operation: 'getEntry', request: 'get', milliseconds, code: 'ENOENT' } },
    ]);
  });

  test('conntrack:request has those with a long answer, too', async () => {
    await Promise.all([listTimeoutPolicies(), answer([doneMessage()])]);
    await Promise.all([errorOf(listTimeoutPolicies()), answer([errorMessage(1)])]);
    const message = { operation: 'listTimeoutPolicies', request: 'listTimeoutPolicies' };
    expect(messages.map((one) => one.message)).toEqual([
      { ...message, milliseconds },
      { ...message, milliseconds, code: 'EPERM' },
    ]);
  });

  test('conntrack:dump has where the conditions of a list were evaluated', async () => {
    const filter = { family: 'ipv4', mark: 3, state: 'ESTABLISHED' } as const;
    await Promise.all([listEntries(filter), answer([doneMessage()])]);
    expect(messages).toMatchObject([
      {
        channel: 'conntrack:dump',
        message: {
          operation: 'listEntries',
          entries: 0,
          fields: [
            { field: 'filter.family', evaluatedBy: 'kernel' },
            { field: 'filter.mark', evaluatedBy: 'kernel', reason: 'CTA_MARK' },
            { field: 'filter.state', evaluatedBy: 'package' },
          ],
        },
      },
    ]);
    expect(messages[0]?.message).not.toHaveProperty('code');
  });

  test('conntrack:dump counts what came, also of a stream that ended early', async () => {
    const controller = new AbortController();
    const stream = streamEntries({}, { signal: controller.signal });
    const first = stream.batches().next();
    const socket = await answer(flows(3).map(entryMessage));
    await first;
    controller.abort();
    await socket.closed();
    expect(messages).toEqual([
      {
        channel: 'conntrack:dump',
        message: {
          operation: 'streamEntries',
          fields: [],
          entries: 3,
          milliseconds,
          code: 'ABORTED',
        },
      },
    ]);
  });

  test('conntrack:dump has the passes, and their failures', async () => {
    const failing = errorOf(deleteEntries({ mark: 7 }));
    const dump = await accept();
    await accept();
    await dump.request();
    await dump.send(errorMessage(12));
    expect(await failing).toMatchObject({ code: 'ENOMEM' });
    expect(messages).toMatchObject([
      { message: { operation: 'deleteEntries', entries: 0, code: 'ENOMEM' } },
    ]);
  });

  test('conntrack:loss has the holes of a stream', async () => {
    const stream = watchEvents({ queueBytes: 65_536 });
    const socket = await accept();
    const created = { flags: NLM_F.create | NLM_F.excl, sequence: 0, portId: 0 };
    // More than the queue holds, while nobody reads.
    for (let n = 0; n < 1000; n++) await socket.send({ ...entryMessage(flow(n)), ...created });
    let lost = 0;
    for await (const event of stream) {
      if (event.type !== 'lost') continue;
      lost = event.count;
      break;
    }
    expect(messages).toEqual([
      {
        channel: 'conntrack:loss',
        message: { operation: 'watchEvents', cause: 'queue', count: lost },
      },
    ]);
  });
});
