/**
 * Requests at once, of every kind, on flows that nobody else knows.
 */
import {
  createEntries,
  createEntry,
  deleteEntries,
  deleteEntry,
  type EntrySpec,
  getEntries,
  getEntry,
  listEntries,
  streamDeletes,
  updateEntries,
  updateEntry,
  upsertEntry,
} from 'conntrack';
import type { Ledger } from '../ledger.js';
import type { Activity } from '../schedule.js';
import type { Tallies } from '../tallies.js';

const FLOWS = 48;
const PART = FLOWS / 3;
const MARK = 0x50000;

export class Requests implements Activity {
  readonly name = 'requests';
  readonly pause = 500;
  readonly #ledger: Ledger;
  readonly #tallies: Tallies;
  #turn = 0;

  constructor(ledger: Ledger, tallies: Tallies) {
    this.#ledger = ledger;
    this.#tallies = tallies;
  }

  async turn(): Promise<void> {
    const mark = MARK + (this.#turn++ % 0x1000);
    const specs = Array.from({ length: FLOWS }, (_, index) => specOf(index, mark));
    await this.#create(specs);
    await this.#read(specs);
    await this.#update(specs, mark);
    await this.#delete(specs, mark);
  }

  async #create(specs: readonly EntrySpec[]): Promise<void> {
    const [results, entries, upserted] = await Promise.all([
      createEntries(specs.slice(0, PART)),
      Promise.all(specs.slice(PART, -1).map((spec) => createEntry(spec))),
      Promise.all(specs.slice(-1).map((spec) => upsertEntry(spec))),
    ]);
    this.#did(FLOWS);
    this.#ledger.created += FLOWS;
    const good = results.every((result) => result.entry !== undefined);
    const fresh = upserted.every(({ created }) => created);
    this.#expect(good && fresh && entries.length + results.length + 1 === FLOWS, 'creates');
  }

  async #read(specs: readonly EntrySpec[]): Promise<void> {
    const [together, single] = await Promise.all([
      getEntries(specs),
      Promise.all(specs.map((spec) => getEntry(spec))),
    ]);
    this.#did(2 * FLOWS);
    const right = [together, single].every((entries) =>
      specs.every(({ mark, original }, index) => {
        const entry = entries[index];
        return entry?.mark === mark && entry?.original.source === original.source;
      }),
    );
    this.#expect(right, 'gets');
  }

  async #update(specs: readonly EntrySpec[], mark: number): Promise<void> {
    const some = specs.slice(0, PART);
    const [updated, upserted, pass] = await Promise.all([
      Promise.all(some.map((spec) => updateEntry(spec, { timeout: 900, status: ['assured'] }))),
      Promise.all(some.map((spec) => upsertEntry({ ...spec, timeout: 800 }))),
      updateEntries({ mark, protocol: 'tcp' }, { mark: mark + 0x10000 }),
    ]);
    this.#did(2 * PART + pass.updated);
    this.#ledger.updated += 2 * PART + pass.updated;
    this.#expect(
      updated.every(({ timeout, assured }) => assured && (timeout ?? 0) > 600) &&
        upserted.every(({ created }) => !created) &&
        pass.updated + pass.vanished === pass.matched,
      'updates',
    );
  }

  async #delete(specs: readonly EntrySpec[], mark: number): Promise<void> {
    const gone = await Promise.all(specs.slice(0, PART).map((spec) => deleteEntry(spec)));
    const both = { value: mark & 0xffff, mask: 0xffff };
    const ours = { mark: both, original: { destinationPort: 4000 } } as const;
    let deleted = gone.filter(Boolean).length;
    for await (const batch of streamDeletes({ ...ours, protocol: 'tcp' }).batches()) {
      deleted += batch.length;
    }
    const rest = await deleteEntries(ours, { entries: true });
    deleted += rest.deleted;
    this.#did(FLOWS);
    const left = await listEntries(ours);
    this.#expect(
      deleted === FLOWS && left.length === 0 && rest.entries.length === rest.deleted,
      `deletes: ${deleted} of ${FLOWS}, ${left.length} are left`,
    );
  }

  #did(requests: number): void {
    this.#tallies.requests += requests;
  }

  #expect(holds: boolean, what: string): void {
    this.#tallies.expect(holds, `requests: ${what}`);
  }
}

function specOf(index: number, mark: number): EntrySpec {
  const isIPv6 = index % 2 === 1;
  const isTcp = index % 3 === 0;
  return {
    protocol: isTcp ? 'tcp' : 'udp',
    original: {
      source: isIPv6 ? `fd06::${index.toString(16)}` : `10.6.0.${index}`,
      destination: isIPv6 ? 'fd06::ffff' : '192.0.2.6',
      sourcePort: 3000 + index,
      destinationPort: 4000,
    },
    timeout: 600,
    mark,
    ...(index % 4 === 0 && { zone: 2 }),
    ...(index % 8 === 2 && { nat: { source: { address: '198.51.100.6' } } }),
    ...(isTcp && { tcp: { state: 'ESTABLISHED' } as const }),
  };
}
