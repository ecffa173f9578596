/**
 * Expectations of masters that stay.
 */
import {
  countExpectations,
  createEntry,
  createExpectation,
  deleteExpectation,
  type Expectation,
  flushExpectations,
  getExpectation,
  listExpectations,
} from 'conntrack';
import type { Ledger } from '../ledger.js';
import type { Activity } from '../schedule.js';
import type { Tallies } from '../tallies.js';

const AT_ONCE = 6;

/** The helper allows one expectation a master. */
const masters = Array.from({ length: AT_ONCE }, (_, index) => ({
  source: `10.7.0.${index}`,
  destination: '192.0.2.21',
  sourcePort: 40_000,
  destinationPort: 21,
}));

export class Expecting implements Activity {
  readonly name = 'expectations';
  readonly pause = 500;
  readonly #ledger: Ledger;
  readonly #tallies: Tallies;
  #turn = 0;

  constructor(ledger: Ledger, tallies: Tallies) {
    this.#ledger = ledger;
    this.#tallies = tallies;
  }

  async fill(): Promise<void> {
    for (const original of masters) {
      await createEntry({ protocol: 'tcp', original, timeout: 86_400, helper: 'ftp' });
      this.#ledger.created++;
    }
  }

  async turn(): Promise<void> {
    const created = await Promise.all(
      masters.map((master) =>
        createExpectation({
          protocol: 'tcp',
          tuple: { ...master, sourcePort: 0, destinationPort: 50_000 },
          mask: { sourcePort: 0 },
          master,
        }),
      ),
    );
    this.#ledger.expectations.created += AT_ONCE;
    const [listed, counted, again] = await Promise.all([
      listExpectations(),
      countExpectations(),
      Promise.all(created.map((one) => getExpectation(one))),
    ]);
    const right = again.every((one, index) => one?.id === created[index]?.id);
    this.#expect(listed.length === AT_ONCE && counted === AT_ONCE && right, 'read');
    await this.#end(created);
    this.#ledger.expectations.ended += AT_ONCE;
    this.#tallies.requests += 3 * AT_ONCE + 2;
    this.#expect((await countExpectations()) === 0, 'some are left');
  }

  async #end(created: readonly Expectation[]): Promise<void> {
    if (this.#turn++ % 2 === 0) {
      await flushExpectations();
    } else {
      const deleted = await Promise.all(created.map((one) => deleteExpectation(one)));
      this.#expect(deleted.every(Boolean), 'one was gone');
    }
  }

  #expect(holds: boolean, what: string): void {
    this.#tallies.expect(holds, `expectations: ${what}`);
  }
}
