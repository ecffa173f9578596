/**
 * Whether two outputs, or two tables, are the same but for what differs from one second, and from one
 * namespace, to the next: ids, reference counts, and a little of the timeouts.
 */
import type { Conntrack } from 'conntrack';

/** Seconds between the two sides, on a slow machine. */
const TOLERANCE = 5;

interface Comparable {
  readonly text: string;
  readonly seconds: number;
}

/** What differs between two lists in any order; `undefined`: nothing. */
function difference(
  ours: readonly Comparable[],
  theirs: readonly Comparable[],
): string | undefined {
  const [a, b] = [sorted(ours), sorted(theirs)];
  const onlyOurs = without(a, b);
  const onlyTheirs = without(b, a);
  if (onlyOurs.length + onlyTheirs.length > 0) {
    return [
      ...onlyOurs.map(({ text }) => `only ours: ${text}`),
      ...onlyTheirs.map(({ text }) => `only the tool's: ${text}`),
    ].join('\n');
  }
  const apart = a.find(
    ({ seconds }, index) => Math.abs(seconds - (b[index]?.seconds ?? 0)) > TOLERANCE,
  );
  return apart && `another timeout than our ${apart.seconds} s: ${apart.text}`;
}

function sorted(list: readonly Comparable[]): Comparable[] {
  return [...list].sort((a, b) =>
    a.text === b.text ? a.seconds - b.seconds : a.text < b.text ? -1 : 1,
  );
}

/** Of the first list, what the second lacks; each item counts once. */
function without(list: readonly Comparable[], other: readonly Comparable[]): Comparable[] {
  const rest = other.map(({ text }) => text);
  return list.filter(({ text }) => {
    const index = rest.indexOf(text);
    if (index === -1) return true;
    rest.splice(index, 1);
    return false;
  });
}

export function differenceOfLines(
  ours: readonly string[],
  theirs: readonly string[],
): string | undefined {
  return difference(ours.map(comparableLine), theirs.map(comparableLine));
}

/** The timeouts of a line of `-L`, of an expectation, both also in events, of `-o save` and of XML. */
const TIMEOUT =
  /^((?: *\[[A-Z]+\] )?(?:ipv[46]\s+\d+ )?\S+\s+\d+ )(\d+)(?= )|^( *\[[A-Z]+\] |)(\d+)(?= proto=)|( -t )(\d+)|(<timeout>)(\d+)/;

function comparableLine(line: string): Comparable {
  let seconds = 0;
  const text = line
    .replace(TIMEOUT, (match, ...groups: (string | undefined)[]) => {
      const digits = /\d+$/.exec(match)?.[0] ?? '0';
      seconds = Number(digits);
      return `${match.slice(0, -digits.length)}${groups.length > 0 ? 'T' : ''}`;
    })
    .replace(/ portid=\d+( progname=\S+)?/, '')
    .replace(/ use=\d+|<use>\d+(?=<\/use>)/, '')
    .replace(/ id=\d+(?= labels=| \[USERSPACE|$)|<id>\d+<\/id>/, '')
    .replace(/ \[start=[^\]]*\]| delta-time=\d+|<deltatime>.*?<\/deltatime>/g, '')
    .replace(/<timestamp>.*?<\/timestamp>/, '')
    .replace(/^cpu=\d+ .*/, (stats) => stats.replace(/(?<=[a-z]=)\d+/g, 'N'))
    .trimEnd();
  return { text, seconds };
}

/** Of the same table on both sides: entries and expectations. */
export async function differenceOfTables(
  ours: Conntrack,
  theirs: Conntrack,
): Promise<string | undefined> {
  const [a, b] = await Promise.all([tableOf(ours), tableOf(theirs)]);
  return difference(a, b);
}

async function tableOf(handle: Conntrack): Promise<Comparable[]> {
  const [entries, expectations] = await Promise.all([
    handle.listEntries(),
    handle.listExpectations(),
  ]);
  return [...entries, ...expectations].map((item) => {
    const { timeout = 0, ...json } = item.toJSON() as { timeout?: number };
    const fields = Object.entries(json).filter(([name]) => !BY_NAMESPACE.has(name));
    return { text: JSON.stringify(Object.fromEntries(fields), withoutWords), seconds: timeout };
  });
}

/** Of the status and flags the bits are enough. */
const withoutWords = (_: string, value: unknown): unknown =>
  value !== null && typeof value === 'object' && 'bits' in value ? value.bits : value;

const BY_NAMESPACE = new Set(['id', 'use', 'startTime', 'startTimeNs']);

/** Of timeout policies, which have no time of their own. */
export async function differenceOfPolicies(
  ours: Conntrack,
  theirs: Conntrack,
): Promise<string | undefined> {
  const [a, b] = await Promise.all([policiesOf(ours), policiesOf(theirs)]);
  return difference(a, b);
}

async function policiesOf(handle: Conntrack): Promise<Comparable[]> {
  const policies = await handle.listTimeoutPolicies();
  return policies.map(({ use: _, ...policy }) => ({ text: JSON.stringify(policy), seconds: 0 }));
}
