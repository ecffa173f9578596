/**
 * The command that starts Node.js in a child process. With CONNTRACK_TEST_SECCOMP=1 the child is under
 * docs/seccomp.json.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { built } from './built.js';
import { programOf, shippedProfile } from './seccomp-profile.js';

function confined(): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'conntrack-confined-'));
  process.once('exit', () => {
    rmSync(folder, { recursive: true });
  });
  const program = join(folder, 'program');
  writeFileSync(program, programOf(shippedProfile()));
  return [built('test/support/native/seccomp'), program];
}

export const NODE: readonly string[] = [
  ...(process.env.CONNTRACK_TEST_SECCOMP === '1' ? confined() : []),
  process.execPath,
];
