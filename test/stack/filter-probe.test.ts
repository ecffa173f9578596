/** What the addon makes of the answers to the probes of filters. */
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import type { NativeAddon } from '../../src/core/native.js';
import {
  doneMessage,
  entryMessage,
  errorMessage,
  type Message,
} from '../support/message-builder.js';
import { accept, scriptedAddonPath } from '../support/scripted-kernel.js';
import { tcpTuple } from './flows.js';

const [EINVAL, EOPNOTSUPP] = [22, 95];
const addon = createRequire(import.meta.url)(scriptedAddonPath) as NativeAddon;
const found = entryMessage({ original: tcpTuple });

async function probed(...answers: Message[]) {
  const probing = addon.probeFilters(undefined);
  const sockets = [await accept(), await accept(), await accept()];
  for (const [index, socket] of sockets.entries()) {
    await socket.request();
    await socket.send(answers[index] as Message);
  }
  return probing;
}

const tuples = errorMessage(EOPNOTSUPP);
const statuses = errorMessage(EINVAL);

test.each<[string, [Message, Message, Message], object]>([
  ['compares some', [tuples, statuses, found], { tuple: true, status: true, zone: false }],
  ['ignores all', [found, found, found], { tuple: false, status: false, zone: false }],
  ['has no entry', [doneMessage(), doneMessage(), doneMessage()], { tuple: false, status: false }],
  [
    'has no zones',
    [tuples, statuses, errorMessage(EOPNOTSUPP)],
    { tuple: true, status: true, zone: 'refused' },
  ],
  [
    'refuses others',
    [errorMessage(EINVAL), errorMessage(EOPNOTSUPP), found],
    { tuple: 'refused', status: 'refused', zone: false },
  ],
])('a kernel that %s', async (_, answers, support) => {
  expect(await probed(...answers)).toEqual(support);
});
