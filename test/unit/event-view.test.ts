/** Records of events, as the addon fills them: those that no test makes a kernel send. */
import { describe, expect, test } from 'vitest';
import { eventsOf } from '../../src/event/view.js';
import { EVENT, EVENT_KINDS, SLAB } from '../../src/record/layout.js';
import { LITTLE_ENDIAN } from '../../src/record/words.js';

interface EventRecord {
  readonly kind: number;
  readonly count?: bigint;
  readonly maximum?: number;
}

function slabOf(...records: EventRecord[]): ArrayBuffer {
  const slab = new ArrayBuffer(SLAB.size);
  const view = new DataView(slab);
  view.setUint32(SLAB.count, records.length, LITTLE_ENDIAN);
  for (const [index, { kind, count = 0n, maximum = 0 }] of records.entries()) {
    const at = SLAB.firstEntry + index * EVENT.size;
    view.setUint32(at + EVENT.kind, kind, LITTLE_ENDIAN);
    view.setBigUint64(at + EVENT.count, count, LITTLE_ENDIAN);
    view.setUint32(at + EVENT.maximum, maximum, LITTLE_ENDIAN);
  }
  return slab;
}

const { lostInKernel, lostInQueue, reliabilityEnded, mark } = EVENT_KINDS;

describe('events of the stream itself', () => {
  test('have their counts, in the order of the slabs, and the marks apart', () => {
    const marks: number[] = [];
    const slabs = [
      slabOf({ kind: lostInKernel, count: 2n ** 32n + 1n }, { kind: mark, count: 7n }),
      slabOf(),
      slabOf(
        { kind: reliabilityEnded, count: 80n, maximum: 0xffffffff },
        { kind: mark, count: 8n },
        { kind: lostInQueue, count: 3n },
      ),
    ];
    expect(eventsOf(slabs, (number) => marks.push(number))).toEqual([
      { type: 'lost', cause: 'kernel', count: 2 ** 32 + 1 },
      { type: 'reliability-ended', entries: 80, maxEntries: 0xffffffff },
      { type: 'lost', cause: 'queue', count: 3 },
    ]);
    expect(marks).toEqual([7, 8]);
  });

  test('have a kind that is known', () => {
    expect(() => eventsOf([slabOf({ kind: 10 })], () => undefined)).toThrow(RangeError);
  });
});
