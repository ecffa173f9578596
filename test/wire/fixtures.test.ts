/**
 * What C++ decodes of each fixture, read through the entry view, is the JSON beside
 * the fixture.
 */

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { entriesOf } from '../../src/entry/entries.js';
import { SLAB } from '../../src/record/layout.js';
import { sanitized } from '../support/built.js';

const folder = fileURLToPath(new URL('../fixtures/', import.meta.url));
const program = sanitized('test/wire/fixture_slab');

const files = readdirSync(folder);
const names = (extension: string) =>
  files.filter((file) => file.endsWith(extension)).map((file) => file.slice(0, -extension.length));

/** The slab into which C++ decodes a fixture. */
function slabOf(name: string): ArrayBuffer {
  const bytes = execFileSync(program, [`${folder}${name}.hex`]);
  expect(bytes.length).toBe(SLAB.size);
  return new Uint8Array(bytes).buffer;
}

describe('fixtures', () => {
  it('are messages with the JSON of their entries', () => {
    expect(names('.hex').length).toBeGreaterThan(45);
    expect(names('.json')).toEqual(names('.hex'));
  });

  it.each(names('.hex'))('%s', (name) => {
    const entries = entriesOf([slabOf(name)]);
    const expected: unknown = JSON.parse(readFileSync(`${folder}${name}.json`, 'utf8'));
    expect(entries.map((entry) => entry.toJSON())).toStrictEqual([expected]);
  });
});
