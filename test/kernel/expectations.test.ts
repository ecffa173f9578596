/**
 * Expectations of the real kernel, with the FTP helper and conntrack as an oracle.
 */
import { watchEvents } from 'conntrack';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { EventTool, expectationLineOf } from '../support/event-tool.js';
import { nft, run, setting, trackLoopback } from '../support/namespace.js';
import { describeInNamespace } from '../support/requirements.js';
import { openFtp } from '../support/traffic.js';
import { isMarker, makeMarker, until } from './event-marker.js';

const ALIAS = '192.0.2.1';

describeInNamespace(
  'conntrack',
  'nft',
  'ip',
)('events about expectations', () => {
  const client = { address: '127.0.0.2', port: 40000 };
  const server = { address: '127.0.0.3', port: 2121 };
  const helper = `
    ct helper ftp { type "ftp" protocol tcp; }
    chain output { type filter hook output priority 0; tcp dport 2121 ct helper set "ftp"; }`;

  beforeAll(() => {
    setting('events', 1);
    run('ip', 'route', 'add', 'local', ALIAS, 'dev', 'lo');
    trackLoopback();
  });

  beforeEach(() => {
    run('conntrack', '-F');
  });

  test.each([
    ['FTP', server, ''],
    [
      'FTP through NAT',
      { ...server, address: ALIAS },
      `
      chain nat {
        type nat hook output priority -100
        ip daddr ${ALIAS} tcp dport 2121 dnat ip to ${server.address}
      }`,
    ],
  ])('%s: what conntrack -E expect prints', async (_, to, nat) => {
    nft(`table inet helper {${helper}${nat}
    }`);
    await using tool = await EventTool.start('expect');
    const stream = watchEvents({ expectations: true });
    const session = await openFtp({ client, server, to });
    await session[Symbol.asyncDispose]();
    makeMarker();
    const events = await until(stream, isMarker);
    nft('delete table inet helper');

    const expectations = events.filter((event) => 'expectation' in event);
    expect(expectations.map(expectationLineOf)).toEqual(await tool.stop());
    const [first, second] = expectations;
    expect([first?.type, second?.type]).toEqual(['expectation-new', 'expectation-destroy']);
    expect(first?.originPortId).toBe(0);
    expect(first?.expectation).toMatchObject({
      family: 'ipv4',
      protocol: 'tcp',
      helper: 'ftp',
      master: { source: client.address, destination: to.address, destinationPort: 2121 },
    });
    expect(first?.expectation.id).toBe(second?.expectation.id);
    if (nat !== '') expect(first?.expectation).toMatchObject({ function: 'nat-follow-master' });
    expect(stream.counters.malformed).toBe(0);
  });

  test('alone: without any about entries, and with a filter that no entry passes', async () => {
    nft(`table inet helper {${helper}
    }`);
    for (const options of [{ events: [] }, { filter: [] }]) {
      const stream = watchEvents({ ...options, expectations: true });
      const session = await openFtp({ client, server });
      await session[Symbol.asyncDispose]();
      const events = await until(stream, ({ type }) => type === 'expectation-destroy');
      expect(events.map(({ type }) => type)).toEqual(['expectation-new', 'expectation-destroy']);
    }
    nft('delete table inet helper');
  });
});
