/** The plans of SQLite for the queries: each goes through an index, and sorts no more than a page. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { FlowQuery } from '../../src/flow-log/sqlite/flow-query.js';
import { flowQueryOf, pageOf } from '../../src/flow-log/sqlite/flow-query.js';
import { topTalkersQueryOf, topTalkersSql } from '../../src/flow-log/sqlite/top-talkers.js';
import { describeWithEngine, folder, open, sql } from './engine.js';
import { parts, T0 } from './records.js';

describeWithEngine('the plan of a query', () => {
  async function planOf({ sql: text, values }: { sql: string; values: readonly unknown[] }) {
    const path = join(folder(), 'flows.db');
    const database = await open({ path });
    await database.write(parts(10));
    await database.close();
    return sql(path, `EXPLAIN QUERY PLAN ${text}`, ...values).map(({ detail }) => String(detail));
  }
  const page = (query: FlowQuery, after = { to_ms: T0, id: 5 }) =>
    planOf(pageOf(flowQueryOf(query), after, 1000));

  test.each<FlowQuery>([{}, { port: 443, protocol: 'tcp' }, { since: T0, until: T0 + 1 }])(
    'flows(%j): by time, in its order',
    async (query) => {
      const plan = await page(query);
      expect(plan).toHaveLength(1);
      expect(plan[0]).toMatch(/^SEARCH flow_parts USING INDEX flow_parts_time \(to_ms/);
    },
  );

  test.each<FlowQuery>([
    { address: '10.0.0.1' },
    { address: '10.0.0.1', port: 1, protocol: 6, since: T0, until: T0 + 1 },
  ])('flows(%j): by address and time', async (query) => {
    const plan = await page(query);
    expect(plan.filter((line) => line.includes('SCAN flow_parts'))).toEqual([]);
    for (const column of ['source', 'destination', 'reply_source', 'reply_destination']) {
      const index = `flow_parts USING (COVERING )?INDEX flow_parts_${column} \\(${column}=\\? AND `;
      expect(plan.join('\n')).toMatch(new RegExp(`SEARCH ${index}.*to_ms<\\?\\)`));
    }
  });

  test('topTalkers() of a period: the rows of the period alone', async () => {
    const query = { by: 'service', since: T0, until: T0 + 1 };
    const [first] = await planOf(topTalkersSql(topTalkersQueryOf(query, 'options')));
    expect(first).toBe('SEARCH flow_parts USING INDEX flow_parts_time (to_ms>? AND to_ms<?)');
  });
});
