/**
 * What native/os calls of the C library: each call that may fail is one that the scripted kernel wraps,
 * and so has faults (test/support/native/kernel/call_faults.cc), or cannot fail here, for a reason.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { inTree } from '../support/built.js';

const FOLDER = inTree('sanitized', 'CMakeFiles/os.dir/native/os');

/** Why a call needs no fault. */
const HARMLESS: Readonly<Record<string, string>> = {
  memcmp: 'works on memory',
  memcpy: 'works on memory',
  memset: 'works on memory',
  snprintf: 'writes a number into a buffer that has room for it',
  __errno_location: 'is errno',
  sigfillset: 'fills a set of bits',
  pthread_sigmask: 'fails for an unknown operation alone',
  pthread_join: 'fails for a thread that is not there, or the calling one',
  pthread_mutex_lock: 'fails for a mutex that checks errors',
  pthread_mutex_destroy: 'fails for a mutex that is locked',
  prctl: 'names a thread: without a name it works as well',
};

/** Of our own code, of operator delete, and of compilers and sanitizers. */
const OTHERS =
  /^_ZT?[A-Z]*N?K?9conntrack|^_ZN9conntrack|^_ZNK9conntrack|^_Zd[al]Pv|^_ZSt7nothrow|^_GLOBAL_OFFSET_TABLE_|^__(a|ub)san_|^__stack_chk_fail/;

test('each call that can fail is wrapped', () => {
  const cmake = readFileSync('test/support/native/kernel/system_calls.cmake', 'utf8');
  const lists = cmake.matchAll(/(?:set|list)\((?:APPEND )?scripted_calls ([^)]+)\)/g);
  const wrapped = [...lists].flatMap(([, names = '']) => names.trim().split(/\s+/));
  const objects = readdirSync(FOLDER)
    .filter((name) => name.endsWith('.o'))
    .map((name) => `${FOLDER}/${name}`);
  expect(objects.length).toBeGreaterThan(10);
  const symbols = execFileSync('nm', ['--undefined-only', '--format=just-symbols', ...objects], {
    encoding: 'utf8',
  })
    .split('\n')
    .filter((line) => line !== '' && !line.endsWith(':'))
    .map((line) => line.trim().replace(/@.*/, ''));
  const known = new Set([...wrapped, ...Object.keys(HARMLESS)]);
  const unknown = [...new Set(symbols)].filter((name) => !known.has(name) && !OTHERS.test(name));
  expect(unknown).toEqual([]);
});
