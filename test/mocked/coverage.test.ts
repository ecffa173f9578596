/** Which flows a stream reports, and the warning to who would wait for the others. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { WatchOptions } from '../../src/event/event.js';
import type { Context } from '../../src/request/context.js';

const kernel = vi.hoisted(() => ({ files: [] as object[], asked: [] as unknown[] }));

vi.mock('../../src/core/load-addon.js', () => ({
  loadAddon: () => ({
    // A constructor that returns an object makes that one.
    EventReader: function EventReader() {
      return { receiveBufferBytes: 4096, close: () => undefined };
    },
    readFiles: (...asked: unknown[]) => {
      kernel.asked.push(asked);
      return kernel.files;
    },
  }),
}));

const netns = { close: () => undefined };
const context = { netns, follow: (stream: unknown) => stream } as unknown as Context;

/** What the first two streams of a process say, and its warnings. */
async function opened(options?: WatchOptions) {
  vi.resetModules();
  const { openStream } = await import('../../src/event/stream.js');
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  const open = () => openStream('watchEvents', context, options).coverage;
  const coverage = open();
  open();
  const calls = warn.mock.calls.map(([text, details]) => ({ text, details }));
  warn.mockRestore();
  return { coverage, warnings: calls };
}

beforeEach(() => {
  kernel.asked = [];
});

describe('the coverage of a stream', () => {
  test.each<[object[], string]>([
    [[{ text: '0\n' }], 'none'],
    [[{ text: '1\n' }], 'all'],
    [[{ text: '2\n' }], 'since-listening'],
    [[{ text: '3\n' }], 'unknown'],
    [[{ text: '' }], 'unknown'],
    [[{ failure: { errno: 2, syscall: 'open' } }], 'unknown'],
    [[], 'unknown'],
  ])('of a kernel with %j is %s', async (files, coverage) => {
    kernel.files = files;
    expect((await opened({ events: ['new'] })).coverage).toBe(coverage);
    const path = '/proc/sys/net/netfilter/nf_conntrack_events';
    expect(kernel.asked[0]).toEqual([netns, [path]]);
  });
});

describe('the one warning of a process', () => {
  const none = /flows that begin while net\.netfilter\.nf_conntrack_events is 0 send no events/;
  const older = /flows that began while no program listened to events send none/;

  test.each<[string, WatchOptions | undefined, RegExp | undefined]>([
    ['0', undefined, none],
    ['0', { events: ['new'] }, none],
    ['0', { events: ['update'] }, none],
    ['0', { events: ['destroy'] }, none],
    ['0', { events: [], expectations: true }, undefined],
    ['2', { events: ['update'] }, older],
    ['2', { events: ['destroy'], expectations: true }, older],
    ['2', undefined, undefined],
    ['2', { events: ['new', 'destroy'] }, undefined],
    ['2', { events: [], expectations: true }, undefined],
    ['1', { events: ['destroy'] }, undefined],
    ['3', { events: ['destroy'] }, undefined],
  ])('of a kernel with %s, to who asks for %j', async (text, options, wanted) => {
    kernel.files = [{ text }];
    const details = {
      type: 'ConntrackWarning',
      code: 'CONNTRACK_SILENT_FLOWS',
      detail: expect.stringMatching(
        /^Run `sysctl -w net\.netfilter\.nf_conntrack_events=1`, or call writeSettings\(\{ events: 'on' \}\)/,
      ) as unknown,
    };
    const warnings = wanted ? [{ text: expect.stringMatching(wanted) as unknown, details }] : [];
    expect((await opened(options)).warnings).toEqual(warnings);
  });
});
