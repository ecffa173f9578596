/**
 * Watches the same on both sides: `-E` of the tool, and of this package.
 */
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { EVENT_ACTIONS, type EventCase } from './cases/events.js';
import { differenceOfLines } from './compare.js';
import { wordsOf } from './read-cases.js';
import { OWN, type Side, type Twins } from './twin.js';

/** What has not been printed by then is not. */
const PATIENCE_MS = 10_000;

/** Returns what differs between the lines of both sides, by the options of the case. */
export async function differencesOfEvents(
  { ours, theirs }: Twins,
  cases: readonly EventCase[],
): Promise<Readonly<Record<string, string>>> {
  // Flows that nobody listened to when they began send events, too.
  await Promise.all(
    [ours, theirs].map(async ({ handle }) => handle.writeSettings({ events: 'on' })),
  );
  const watches = cases.map(([options, expected]) => {
    const words = ['-E', ...wordsOf(options)];
    const our = watchWith(ours, process.execPath, [OWN, ...words]);
    return { options, expected, our, their: watchWith(theirs, 'conntrack', words) };
  });
  await Promise.all([ours, theirs].map(async (side) => untilWatched(side, watches.length)));
  for (const action of EVENT_ACTIONS) {
    await Promise.all([ours, theirs].map(async (side) => side.run('conntrack', wordsOf(action))));
  }
  const deadline = performance.now() + PATIENCE_MS;
  const areDone = () =>
    watches.every(
      ({ expected, our, their }) =>
        our.lines().length >= expected && their.lines().length >= expected,
    );
  while (!areDone() && performance.now() < deadline) await setTimeout(5);
  await Promise.all(watches.flatMap(({ our, their }) => [our.stop(), their.stop()]));
  const differences = watches.map(({ options, expected, our, their }) => {
    const lines = their.lines();
    const difference = differenceOfLines(our.lines(), lines);
    if (difference !== undefined || lines.length === expected) return [options, difference];
    return [options, `${expected} lines are expected, both have ${lines.length}`];
  });
  return Object.fromEntries(
    differences.filter(([, difference]) => difference !== undefined),
  ) as Record<string, string>;
}

/** Killed, both leave a document without its end. */
function watchWith(side: Side, program: string, words: readonly string[]) {
  const child = side.start(program, words);
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  return {
    lines: () => output.split('\n').filter((line) => line !== ''),
    stop: async () => {
      const closed = once(child, 'close');
      child.kill('SIGKILL');
      await closed;
    },
  };
}

const NETLINK_NETFILTER = '12';

/** Until so many sockets of the namespace listen to netfilter events. */
async function untilWatched(side: Side, listeners: number): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (let found = 0; found < listeners; ) {
    if (performance.now() > deadline) throw new Error(`${found} of ${listeners} listen`);
    const { lines } = await side.run('cat', ['/proc/net/netlink']);
    found = lines.slice(1).filter((line) => {
      const [, protocol, , groups] = line.trim().split(/\s+/);
      return protocol === NETLINK_NETFILTER && groups !== '00000000';
    }).length;
  }
}
