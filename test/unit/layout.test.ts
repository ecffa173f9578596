import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const built = process.env.CONNTRACK_ADDON || join(root, 'build/Release/conntrack.node');
const folder = mkdtempSync(join(tmpdir(), 'conntrack-layout-'));

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Compares the generated files with what the addon exports. */
function check(addon: string): { status: number | null; stderr: string } {
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(root, 'tools/generate-layout.mjs'), '--check'],
    { encoding: 'utf8', env: { ...process.env, CONNTRACK_ADDON: addon } },
  );
  return { status, stderr };
}

/** The built addon with a change of `tables` or `hash`. */
function changed(change: string): string {
  const path = join(folder, 'changed.cjs');
  writeFileSync(
    path,
    `const addon = require(${JSON.stringify(built)});
     const tables = addon.layout();
     const table = (name) => tables.find((one) => one.name === name).fields;
     let hash = addon.layoutHash;
     ${change};
     module.exports = { layout: () => tables, layoutHash: hash };`,
  );
  return path;
}

describe('the generated layout', () => {
  it('is what the addon has', () => {
    expect(check(built)).toEqual({ status: 0, stderr: '' });
    expect(check(changed(''))).toEqual({ status: 0, stderr: '' });
  });

  it.each([
    ['a number differs', 'table("ENTRY").mark = 16'],
    ['a field is new', 'table("TUPLE").flowLabel = 48'],
    ['a field is gone', 'delete table("ENTRY_PRESENT").mark'],
    ['a constant is new', 'tables.push({ name: "NEW", comment: "", fields: {} })'],
    ['a constant is gone', 'tables.pop()'],
  ])('is stale when %s', (_what, change) => {
    const { status, stderr } = check(changed(change));
    expect(status).toBe(1);
    expect(stderr).toBe('src/record/layout.ts is stale: "npm run generate" writes it\n');
  });

  it('is stale when the hash differs', () => {
    const { status, stderr } = check(changed('hash = "0123456789abcdef"'));
    expect(status).toBe(1);
    expect(stderr).toBe('src/core/layout-hash.ts is stale: "npm run generate" writes it\n');
  });
});
