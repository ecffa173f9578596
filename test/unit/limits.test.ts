/** A limit is the same number in src/, in native/ and in the documents. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import { LIMITS } from '../../src/core/limits.js';
import { DEFAULT_THRESHOLDS } from '../../src/health/pressure.js';
import { ENTRY, EVENT, SLAB } from '../../src/record/layout.js';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');

const KIB = 1024;
const MIB = 1024 * KIB;

describe('what native/ decides', () => {
  const native = readdirSync(new URL('native/', root), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(h|cc)$/.test(name))
    .map((name) => read(`native/${name}`));

  /** A constant, after the name that tells it from others: that of its class. */
  const constant = (after: string, name: string) => {
    const pattern = new RegExp(`\\b${after}\\b.*?\\b${name} = (\\d+)( << (\\w+))?;`, 's');
    const found = native.flatMap((text) => pattern.exec(text) ?? []);
    expect(found[1], `${after}: ${name}`).toBeDefined();
    return Number(found[1]) * (found[2] === undefined ? 1 : 2 ** Number(found[3]));
  };

  test.each<[keyof typeof LIMITS, string, string]>([
    ['slabBytes', 'constexpr', 'slab_size'],
    ['datagramsAhead', 'class ReceiveAhead', 'capacity'],
    ['silenceMs', 'class Silence', 'wait'],
    ['answerMs', 'class Silence', 'patience'],
    ['requestsInSend', 'class RequestBatch', 'capacity'],
    ['requestJobsUnderWay', 'class RequestWrap', 'most_jobs'],
    ['slabsInPass', 'class TableWalk', 'parts'],
    ['reportedDeletesInSend', 'class EntryChanger', 'reported_at_once'],
    ['eventsInReceive', 'class EventBatch', 'capacity'],
    ['eventDatagramBytes', 'constexpr', 'event_size'],
    ['eventSlabBytes', 'class EventQueue', 'slab_bytes'],
    ['eventSlabsInBatch', 'constexpr', 'most_slabs'],
    ['reliableDestroyPercent', 'constexpr', 'guard_percent'],
  ])('%s: %s, %s', (limit, after, name) => {
    expect(constant(after, name)).toBe(LIMITS[limit]);
  });

  it('turns of jobs, the memory of repetitions, and the buffers of a dump', () => {
    expect(constant('class Turn', 'length')).toBe(LIMITS.turnMs);
    expect(constant('class Turn', 'longest')).toBe(LIMITS.longestTurnMs);
    expect(2 ** constant('class RecentTuples', 'bits')).toBe(LIMITS.recentEntries);
    // The kernel fills half of each buffer.
    expect(constant('constexpr', 'receive_buffer_size') / 2).toBe(LIMITS.datagramBytes);
  });
});

it('the layout has the sizes', () => {
  expect(SLAB.size).toBe(LIMITS.slabBytes);
  expect(EVENT.size).toBe(LIMITS.eventBytesInQueue);
});

const { slabBytes, slabsInBatch, batchesAhead, datagramsAhead, datagramBytes } = LIMITS;
/** Those of the batch that is being read, and of those that are being filled. */
const RECORD_BYTES = (1 + batchesAhead) * slabsInBatch * slabBytes;
const MESSAGE_BYTES = datagramsAhead * datagramBytes;
const ENTRIES_IN_BATCH = slabsInBatch * Math.floor((slabBytes - SLAB.firstEntry) / ENTRY.size);
const EVENTS_IN_BATCH =
  LIMITS.eventSlabsInBatch *
  Math.floor((LIMITS.eventSlabBytes - SLAB.firstEntry) / LIMITS.eventBytesInQueue);
/** The largest receive buffer where nobody has raised `net.core.rmem_max`. */
const DEFAULT_RMEM_MAX = 212_992;
const { elevatedAt: ELEVATED, criticalAt: CRITICAL } = DEFAULT_THRESHOLDS;

/** A number in a text, such as `1.25 MiB`, `1,364` or `sixteen`. */
function numberOf(text: string): number {
  const [, digits = '', unit = ''] = /^([\d.,]+)\s?(\w*)/.exec(text) ?? [];
  const number = WORDS[text] ?? Number(digits.replaceAll(',', ''));
  return number * (unit === 'MiB' ? MIB : unit === 'KiB' ? KIB : 1);
}
const WORDS: Readonly<Record<string, number>> = {
  one: 1,
  two: 2,
  four: 4,
  sixteen: 16,
  'half a second': 500,
};

const SIZE = '([\\d.]+ [KM]iB)';
const COUNT = '(\\d[\\d,]*(?:\\.\\d+)?)';
const WORD = '(\\w+)';

describe('a number in a document', () => {
  test.each<[string, string, number]>([
    ['README.md', `at most ${SIZE} in flight`, RECORD_BYTES + MESSAGE_BYTES],
    ['docs/reading.md', `${SIZE} of records, and in large tables`, RECORD_BYTES],
    ['docs/reading.md', `in large tables ${SIZE} of messages`, MESSAGE_BYTES],
    ['docs/reading.md', `first batch is ${SIZE} of records`, slabBytes],
    ['docs/reading.md', `later ones grow to ${SIZE}`, slabsInBatch * slabBytes],
    ['docs/reading.md', `arrays of up to ${COUNT} entries`, ENTRIES_IN_BATCH],
    ['docs/reading.md', `slab of up to ${SIZE}`, slabBytes],
    [
      'docs/writing.md',
      `arrays of up to ${COUNT} deleted entries`,
      ENTRIES_IN_BATCH / slabsInBatch,
    ],
    [
      'src/entry/delete-stream.ts',
      `iterates over arrays of up to ${COUNT}`,
      ENTRIES_IN_BATCH / slabsInBatch,
    ],
    [
      'docs/writing.md',
      `outcome of up to ${COUNT} entries is unknown`,
      LIMITS.reportedDeletesInSend,
    ],
    ['docs/errors.md', `rejects; of up to ${COUNT} entries more`, LIMITS.reportedDeletesInSend],
    ['docs/architecture.md', `one answer to ${COUNT} deletes`, LIMITS.reportedDeletesInSend],
    ['docs/reading.md', `among the last ${COUNT} entries`, LIMITS.recentEntries],
    ['docs/filters.md', `An array has at most ${COUNT} filters`, LIMITS.filters],
    ['src/filter/filter.ts', `An array has at most ${COUNT} filters`, LIMITS.filters],
    ['docs/events.md', `\`receiveBufferBytes\` \\| ${SIZE}`, LIMITS.receiveBufferBytes],
    ['docs/events.md', `\`queueBytes\` \\| ${SIZE}`, LIMITS.queueBytes],
    ['docs/events.md', `(\\d+) % of \`nf_conntrack_max\``, LIMITS.reliableDestroyPercent],
    ['docs/writing.md', `\`createEntries\` sends ${COUNT} at a time`, LIMITS.requestsInSend / 2],
    ['docs/timeouts.md', `The largest number is ${COUNT}`, LIMITS.longestTimeoutSeconds],
    [
      'src/expectation/expectation.ts',
      `Seconds from now on, from 0 to ${COUNT}`,
      LIMITS.longestTimeoutSeconds,
    ],
    ['src/timeout/policy.ts', `Seconds, from 0 to ${COUNT}`, LIMITS.longestTimeoutSeconds],
    ['docs/writing.md', `stream ${COUNT} entries at a time`, LIMITS.entriesInWrite],
    ['docs/writing.md', `creates the entries, ${COUNT} lines at a time`, LIMITS.itemsUnderWay],
    ['docs/writing.md', `returns the first ${COUNT} failures`, LIMITS.failuresKept],
    ['docs/writing.md', `up to ${SIZE} of such lines`, LIMITS.waitingBytes],
    ['src/table/transfer.ts', `${COUNT} entries are given to the stream`, LIMITS.entriesInWrite],
    ['src/table/transfer.ts', `${COUNT} lines are sent while`, LIMITS.itemsUnderWay],
    ['src/table/transfer.ts', `has at most ${COUNT} characters`, LIMITS.lineCharacters],
    ['src/table/transfer.ts', `has the first ${COUNT}\\.`, LIMITS.failuresKept],
    ['src/table/transfer.ts', `${SIZE} of such lines wait`, LIMITS.waitingBytes],
    ['src/entry/transfer.ts', `The first ${COUNT} failures`, LIMITS.failuresKept],
    ['src/entry/parse.ts', `A text has at most ${COUNT} characters`, LIMITS.textCharacters],
    ['src/entry/parse.ts', `characters, a line ${COUNT}\\.`, LIMITS.lineCharacters],
    ['docs/tuning.md', '(half a second), to see which counters', LIMITS.shortestLookMs],
    ['docs/architecture.md', `sends ${COUNT} at a time`, LIMITS.requestsInSend],
    ['src/cli/line/options.ts', '(\\d+) % full', LIMITS.reliableDestroyPercent],
    ['src/cli/line/options.ts', 'two samples; default: (\\d+)', LIMITS.pressureIntervalMs],
    ['docs/architecture.md', `requests of ${SIZE}`, LIMITS.requestBytesInJob],
    ['docs/architecture.md', `At most ${COUNT} jobs are under way`, LIMITS.requestJobsUnderWay],
    ['docs/architecture.md', `A slab has ${SIZE}`, slabBytes],
    ['docs/architecture.md', `A record has ${COUNT} bytes`, ENTRY.size],
    ['docs/architecture.md', `slab and grows to ${WORD}`, slabsInBatch],
    ['docs/architecture.md', `at most ${SIZE} for a reading`, RECORD_BYTES],
    ['docs/architecture.md', `A large table adds ${WORD} buffers`, datagramsAhead],
    ['docs/architecture.md', 'batch after (\\d+) ms', LIMITS.turnMs],
    ['docs/architecture.md', 'silent for (\\d+) ms', LIMITS.silenceMs],
    ['docs/architecture.md', 'after (\\d+) ms in any case', LIMITS.longestTurnMs],
    ['docs/architecture.md', `waits ${COUNT} ms for its answer`, LIMITS.silenceMs],
    ['docs/architecture.md', `makes messages of them, ${COUNT} in a`, LIMITS.requestsInSend],
    ['docs/errors.md', `was answered; of up to ${COUNT} entries`, LIMITS.requestsInSend],
    ['docs/errors.md', `counted in waits of ${COUNT} ms`, LIMITS.silenceMs],
    ['docs/writing.md', `sent last: up to ${COUNT} entries`, LIMITS.requestsInSend],
    ['docs/writing.md', `connlabel.conf \\(at most ${SIZE}\\)`, LIMITS.labelFileBytes],
    ['src/entry/label-names.ts', `no file of at most ${SIZE}`, LIMITS.labelFileBytes],
    ['docs/mirror.md', `by requests, ${COUNT} at a time`, LIMITS.getsOfMirror],
    ['docs/mirror.md', `\`recheckInterval\`, ${COUNT} seconds`, LIMITS.recheckMs / 1000],
    ['src/mirror/options.ts', `the time\\. Default: ${COUNT}`, LIMITS.recheckMs],
    ['src/mirror/options.ts', `no events, from ${COUNT} on`, LIMITS.leastRecheckMs],
    ['src/mirror/options.ts', `at most ${COUNT} % of the time`, 100 / LIMITS.recheckShare],
    ['src/mirror/change-stream.ts', `At most ${COUNT} changes wait`, LIMITS.changesWaiting],
    ['src/event/event.ts', `up for them, at most ${COUNT};`, LIMITS.longestDelayMs],
    ['src/health/pressure.ts', `\`elevated\` from.*?Default: ${COUNT}\\.`, ELEVATED],
    [
      'src/health/pressure.ts',
      `\`critical\` from this utilization on\\. Default: ${COUNT}\\.`,
      CRITICAL,
    ],
    ['docs/tuning.md', `\`elevated\` \\| ${COUNT} of the`, ELEVATED],
    ['docs/tuning.md', `\`critical\` \\| ${COUNT} \\|`, CRITICAL],
    ['src/cli/line/options.ts', `elevated from.*?default: ${COUNT}`, ELEVATED],
    ['src/cli/line/options.ts', `critical from.*?default: ${COUNT}`, CRITICAL],
    ['docs/architecture.md', `A pass has ${WORD} slabs`, LIMITS.slabsInPass],
    [
      'docs/architecture.md',
      `${SIZE} to receive into`,
      LIMITS.eventsInReceive * LIMITS.eventDatagramBytes,
    ],
    ['src/entry/reader.ts', `is ${SIZE} at most`, RECORD_BYTES],
    ['src/entry/stream.ts', `${SIZE} of records`, RECORD_BYTES],
    ['src/entry/stream.ts', `in large tables ${SIZE} of messages`, MESSAGE_BYTES],
    ['src/entry/stream.ts', `arrays of up to ${COUNT}`, ENTRIES_IN_BATCH],
    ['src/entry/entry.ts', `at most ${SIZE} of its batch`, slabBytes],
    ['src/table/changes.ts', `entries, ${COUNT} per system call`, LIMITS.requestsInSend / 2],
    [
      'src/event/event.ts',
      `per event\\)\\. It takes.*?Default: ${SIZE}`,
      LIMITS.receiveBufferBytes,
    ],
    [
      'src/event/event.ts',
      `\\(some ${COUNT} bytes per event\\)\\. Default`,
      LIMITS.eventBytesInQueue,
    ],
    ['src/event/event.ts', `bytes per event\\)\\. Default: ${SIZE}, used`, LIMITS.queueBytes],
    ['src/event/event.ts', `at (\\d+) % the mode ends`, LIMITS.reliableDestroyPercent],
    ['src/health/pressure.ts', `between samples\\. Default: ${COUNT}`, LIMITS.pressureIntervalMs],
    ['docs/metrics.md', `limit\` is ${COUNT} by default`, LIMITS.keysInGroup],
    [
      'src/metrics/options.ts',
      `largest counts of a group, ${COUNT} by default`,
      LIMITS.keysInGroup,
    ],
    ['src/metrics/flow-source.ts', `of their own\\. Default: ${COUNT}`, LIMITS.keysInGroup],
    ['src/table/health.ts', 'It takes at least (\\d+) ms', LIMITS.shortestLookMs],
  ])('of %s: %s is %i', (document, pattern, limit) => {
    expect(found(document, pattern)).toBe(limit);
  });

  /** Those that say `some`: within a tenth. */
  test.each<[string, string, number]>([
    [
      'docs/events.md',
      `\`receiveBufferBytes\` .*?some ${COUNT} events`,
      LIMITS.receiveBufferBytes / LIMITS.eventBytesInKernel,
    ],
    [
      'docs/events.md',
      `\`queueBytes\` .*?some ${COUNT} events`,
      LIMITS.queueBytes / LIMITS.eventBytesInQueue,
    ],
    [
      'docs/events.md',
      `by default some ${COUNT} events`,
      DEFAULT_RMEM_MAX / LIMITS.eventBytesInKernel,
    ],
    ['src/event/event.ts', `counts it \\(some ${COUNT} bytes`, LIMITS.eventBytesInKernel],
    ['src/event/stream.ts', `up to some ${COUNT}\\.`, EVENTS_IN_BATCH],
  ])('of %s: %s is some %i', (document, pattern, limit) => {
    const number = found(document, pattern);
    expect(number).toBeGreaterThan(limit * 0.9);
    expect(number).toBeLessThan(limit * 1.1);
  });

  function found(document: string, pattern: string): number {
    // Lines end anywhere, in comments with a star.
    const text = read(document).replace(/\s*\n(?:[ \t]*\*)?\s*/g, ' ');
    const [, number] = new RegExp(pattern).exec(text) ?? [];
    expect(
      number,
      `${document} has no "${pattern}": move the pattern with the sentence`,
    ).toBeDefined();
    return numberOf(number ?? '');
  }
});
