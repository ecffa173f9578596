/** The words of a trace. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect, it, test } from 'vitest';
import { outcome, Tracer } from '../../src/core/trace.js';

test.each([
  [1.23456, undefined, 'ok after 1.235 ms'],
  [0, 'ENOENT', 'ENOENT after 0.000 ms'],
])('%d ms, %s: %s', (milliseconds, code, words) => {
  expect(outcome(milliseconds, code)).toBe(words);
});

it('is read by those who subscribe to its channel', () => {
  const tracer = new Tracer<{ number: number }>('conntrack:test', ({ number }) => `${number}`);
  const messages: unknown[] = [];
  const read = (message: unknown) => void messages.push(message);
  expect(tracer.isRead).toBe(false);
  tracer.write({ number: 1 });
  subscribe('conntrack:test', read);
  expect(tracer.isRead).toBe(true);
  tracer.write({ number: 2 });
  unsubscribe('conntrack:test', read);
  expect(tracer.isRead).toBe(false);
  expect(messages).toEqual([{ number: 2 }]);
});
