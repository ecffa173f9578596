/**
 * Answers the questions of other threads from a mirror.
 */
import type { MessagePort } from 'node:worker_threads';
import type { FlowKey, TableMirror } from 'conntrack';
import type { Answer, Host, Question } from './mirror-client.js';

export function serveLookups(mirror: TableMirror, port: MessagePort): void {
  port.on('message', (question: Question) => {
    port.postMessage(answerTo(mirror, question));
  });
}

function answerTo(mirror: TableMirror, { id, keys }: Question): Answer {
  try {
    return { id, hosts: keys.map((key) => hostBehind(mirror, key)) };
  } catch (error) {
    // A key is wrong, or the mirror has ended. An error that is sent loses its code.
    const { message, code } = error as Error & { code?: string };
    return { id, error: { message, ...(code !== undefined && { code }) } };
  }
}

function hostBehind(mirror: TableMirror, key: FlowKey): Host | undefined {
  const flow = mirror.find(key);
  return flow && { address: flow.original.source, port: flow.original.sourcePort };
}
