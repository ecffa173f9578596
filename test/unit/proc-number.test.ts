import { expect, it } from 'vitest';
import { numberIn } from '../../src/health/proc-number.js';

it.each([
  ['262144\n', 262_144],
  ['-1\n', -1],
  ['0\n', 0],
])('the number in %j', (text, number) => {
  expect(numberIn(text)).toBe(number);
});

it.each([undefined, '', '\n', '12 13', '0x10', 'none'])('there is none in %j', (text) => {
  expect(numberIn(text)).toBeUndefined();
});
