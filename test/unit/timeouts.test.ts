/** The states of timeouts, their documents, and what is refused. */
import { readFileSync } from 'node:fs';
import {
  createTimeoutPolicy,
  SETTINGS,
  TIMEOUT_STATES,
  type TimeoutPolicySpec,
  type Timeouts,
  updateTimeoutPolicy,
  writeDefaultTimeouts,
} from 'conntrack';
import { describe, expect, it, test } from 'vitest';

const guide = readFileSync(new URL('../../docs/timeouts.md', import.meta.url), 'utf8');
const wordsIn = (cell = '') => Array.from(cell.matchAll(/`'?(\w+)'?`/g), ([, word = '']) => word);

describe('the states', () => {
  const rows = Array.from(guide.matchAll(/^\| (`'.*) \| (.*) \| (.*) \|$/gm));

  it('are those of docs/timeouts.md', () => {
    const listed = rows.flatMap(([, protocols, states]) =>
      wordsIn(protocols).map((protocol) => [protocol, wordsIn(states)] as const),
    );
    expect(Object.fromEntries(listed)).toEqual(TIMEOUT_STATES);
  });

  it('have the settings that docs/timeouts.md names', () => {
    const named = rows.flatMap(([, , , settings = '']) =>
      wordsIn(settings.replace(/; none.*/, '')),
    );
    expect(named.length).toBeGreaterThan(8);
    for (const name of named) expect(SETTINGS).toHaveProperty(name);
  });

  test.each(['tcp', 'sctp', 'dccp'] as const)('of %s are those of the settings', (protocol) => {
    const pattern = new RegExp(`^${protocol}(.+)Timeout$`);
    const settings = Object.keys(SETTINGS).flatMap((name) => pattern.exec(name)?.[1] ?? []);
    const states = TIMEOUT_STATES[protocol].filter((state) => state !== 'synSent2');
    const asSettings = states.map((state) => state.charAt(0).toUpperCase() + state.slice(1));
    expect(asSettings.sort()).toEqual(settings.sort());
  });
});

describe('what is refused before anything is sent', () => {
  const spec = { name: 'web', family: 'ipv4', protocol: 'tcp' } as const;

  test.each<[string, unknown, typeof TypeError | typeof RangeError]>([
    ['spec', undefined, TypeError],
    ['spec.name', { ...spec, name: 'x'.repeat(32) }, TypeError],
    ['spec.name', { ...spec, name: '€'.repeat(11) }, TypeError],
    ['spec.family', { ...spec, family: 'UNKNOWN(99)' }, TypeError],
    ['spec.protocol', { ...spec, protocol: 'esp' }, TypeError],
    ['spec.protocol', { ...spec, protocol: 256 }, RangeError],
    ['spec.protocolNumber', { ...spec, protocol: 'other' }, TypeError],
    ['spec.timeouts.unreplied', { ...spec, timeouts: { unreplied: 5 } }, TypeError],
    ['spec.timeouts.ESTABLISHED', { ...spec, timeouts: { ESTABLISHED: 5 } }, TypeError],
    ['spec.timeouts.close', { ...spec, timeouts: { close: -1 } }, RangeError],
    ['spec.timeouts.close', { ...spec, timeouts: { close: 2_147_484 } }, RangeError],
    ['spec.timeouts.close', { ...spec, timeouts: { close: 0.5 } }, RangeError],
    ['spec.timeouts.timeout', { ...spec, protocol: 99, timeouts: { timeout: 5 } }, TypeError],
  ])('%s of %o', async (field, wrong, kind) => {
    const refused = createTimeoutPolicy(wrong as TimeoutPolicySpec);
    await expect(refused).rejects.toBeInstanceOf(kind);
    await expect(refused).rejects.toThrow(`${field}: `);
  });

  test.each<[string, Timeouts]>([
    ['timeouts', {}],
    ['timeouts', { close: undefined }],
    ['timeouts.close', { close: 2 ** 31 }],
  ])('%s of %o', async (field, timeouts) => {
    for (const call of [updateTimeoutPolicy, writeDefaultTimeouts]) {
      await expect(call('tcp', timeouts)).rejects.toThrow(`${field}: `);
    }
  });

  test.each<[TimeoutPolicySpec['protocol'], Timeouts, string]>([
    ['udp', { timeout: 5 }, 'no state of protocol udp; known: unreplied, replied'],
    ['generic', { replied: 5 }, 'no state of protocol generic; known: timeout'],
    [255, { replied: 5 }, 'no state of protocol generic; known: timeout'],
    [99, { timeout: 5 }, 'protocol 99 has no states with names'],
  ])('a state that %s does not have: %o', async (protocol, timeouts, problem) => {
    const [state = ''] = Object.keys(timeouts);
    const creating = createTimeoutPolicy({ ...spec, protocol, timeouts });
    await expect(creating).rejects.toThrow(`spec.timeouts.${state}: ${problem}`);
    const writing = writeDefaultTimeouts(protocol as number, timeouts);
    await expect(writing).rejects.toThrow(`timeouts.${state}: ${problem}`);
  });
});
