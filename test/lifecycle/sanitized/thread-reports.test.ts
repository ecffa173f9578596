import { expect, test } from 'vitest';
import { reportsOfAddon } from './thread-reports.js';

const LINE = '==================';
const SANITIZER = '    #0 operator delete(void*) tsan_new_delete.cpp:150 (libtsan.so+0x86c3d)';
const IN_NODE = '    #1 v8::platform::DefaultJobState::~DefaultJobState() <null> (node+0x1d65445)';
const COPIED = '    #1 __GI___strdup string/strdup.c:42 (libc.so.6+0x9e9a9)';
const IN_ADDON = '    #1 conntrack::SlabRing::push() slab_ring.cc:10 (conntrack.node+0x66941)';
const BELOW = '    #2 conntrack::addon::RequestWrap::Job::settle() (conntrack.node+0x66941)';

function race(one: string, other: string): string {
  return [
    ...['', 'WARNING: ThreadSanitizer: data race (pid=27833)'],
    ...['  Write of size 8 at 0x7b3000007538 by thread T4:', SANITIZER, one, ''],
    ...['  Previous write of size 1 at 0x7b3000007538 by main thread (mutexes: write M3):'],
    ...[SANITIZER, other, BELOW, '', '  Thread T4 (tid=27860, running) created by main thread at:'],
    ...['    #0 pthread_create tsan_interceptors_posix.cpp:1001 (libtsan.so+0x5e686)', ''],
  ].join('\n');
}

const reports = (...texts: string[]) => [LINE, ...texts.flatMap((text) => [text, LINE])].join('\n');

test.each([
  ['places in Node.js, below a call of the addon', race(IN_NODE, IN_NODE), 0],
  ['the same in a library', race(`${COPIED}\n${IN_NODE}`, `${COPIED}\n${IN_NODE}`), 0],
  ['a library, called by the addon', race(IN_NODE, `${COPIED}\n${IN_ADDON}`), 1],
  ['a library alone', race(COPIED, IN_NODE), 1],
  ['a place in the addon, against one in Node.js', race(IN_NODE, IN_ADDON), 1],
  ['the same the other way round', race(IN_ADDON, IN_NODE), 1],
  ['places in the addon', race(IN_ADDON, IN_ADDON), 1],
  ['locks in another order', `\nWARNING: lock-order-inversion\n${IN_ADDON}\n`, 1],
  ['anything without the addon', '\nWARNING: lock-order-inversion\n', 0],
])('%s', (_, text, count) => {
  expect(reportsOfAddon(reports(text))).toHaveLength(count);
  expect(reportsOfAddon(reports(race(IN_ADDON, IN_NODE), text))).toHaveLength(1 + count);
});
