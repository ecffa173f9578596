/** The same refusal of the kernel has the same sentence, whichever function met it. */
import { constants } from 'node:os';
import { ConntrackError, type EntryChanges, updateEntries } from 'conntrack';
import { expect, test } from 'vitest';
import { ackMessage, doneMessage, entryMessage, errorMessage } from '../support/message-builder.js';
import { updateEntry } from '../support/own-socket.js';
import { accept } from '../support/scripted-kernel.js';
import { tcpKey, tcpTuple } from './flows.js';
import { errorOf } from './outcome.js';

const CHANGES: EntryChanges[] = [
  { timeout: 77 },
  { helper: 'ftp' },
  { helper: '' },
  { labels: 1n },
  { mark: 5 },
  { status: ['assured'] },
  { tcp: { state: 'CLOSE' } },
  { timeout: 77, helper: 'ftp', labels: 1n },
  { timeout: 77, helper: '', labels: 1n },
];
const ERRNOS = ['EPERM', 'EOPNOTSUPP', 'EBUSY', 'EINVAL', 'ERANGE', 'ENOSPC', 'ENOMEM'] as const;
const cells = ERRNOS.flatMap((code) => CHANGES.map((changes) => [code, changes] as const));

const entry = entryMessage({ original: tcpTuple, id: 5, tcp: { state: 3 } });

async function ofEntry(errno: number, changes: EntryChanges): Promise<unknown> {
  const updating = errorOf(updateEntry(tcpKey, changes));
  const socket = await accept();
  await socket.request();
  await socket.send(entry, ackMessage());
  // The write, and a get of what the kernel then has.
  const write = (await socket.request()).readUInt32LE(8);
  const get = { ...errorMessage(constants.errno.ENOENT), sequence: write + 1 };
  await socket.send({ ...errorMessage(errno), sequence: write }, get);
  return updating;
}

async function ofPass(errno: number, changes: EntryChanges): Promise<unknown> {
  const updating = errorOf(updateEntries({ family: 'ipv4', protocol: 'tcp' }, changes));
  const [dump, writes] = [await accept(), await accept()];
  await dump.request();
  await dump.send(entry, doneMessage());
  await writes.request();
  await writes.send(errorMessage(errno));
  return updating;
}

const sentence = (error: unknown) => {
  if (!(error instanceof ConntrackError)) throw error;
  const [first = ''] = error.message.split('\n');
  return { code: error.code, problem: first.slice(error.operation.length) };
};

test.each(cells)('%s of %o', async (code, changes) => {
  const errno = constants.errno[code as keyof typeof constants.errno];
  const [single, many] = [await ofEntry(errno, changes), await ofPass(errno, changes)];
  expect(sentence(many)).toEqual(sentence(single));
  expect((many as ConntrackError).hint).toMatch(/^Before the failure: 1 matched, 0 done/);
});

test.each<[EntryChanges, RegExp | undefined, string]>([
  [{ helper: '', timeout: 77 }, /Nothing was changed\. Delete the entry/, 'does not detach'],
  [{ helper: 'ftp', timeout: 77 }, /^Nothing was changed\.$/, 'lacks this helper'],
  [{ labels: 1n }, undefined, 'answered EOPNOTSUPP'],
])('EOPNOTSUPP means of %o what was asked for', async (changes, hint, problem) => {
  const error = await ofEntry(constants.errno.EOPNOTSUPP, changes);
  expect(error).toMatchObject({ code: 'EOPNOTSUPP' });
  expect(sentence(error).problem).toContain(problem);
  if (hint !== undefined) expect((error as ConntrackError).hint).toMatch(hint);
});
