/**
 * The names of the files of a flow log, in the order of their records.
 *
 * A file is written as NAME.ndjson.part, and complete as NAME.ndjson, then as NAME.ndjson.gz.
 */

/** The states of a file, as a file passes through them. */
export const SUFFIXES = ['.ndjson.part', '.ndjson', '.ndjson.gz'] as const;
export type Suffix = (typeof SUFFIXES)[number];

/** What is being compressed. */
export const HALF_COMPRESSED = '.ndjson.gz.part';
/** The last part of each flow that was open when the last file was complete. */
export const OPEN_FLOWS = 'open-flows.ndjson';

const NAME = /^(flows-\d{8}T\d{9}Z)(\.ndjson(?:\.gz)?(?:\.part)?)$/;

/** One for each millisecond, in the order of time. */
export function nameOf(milliseconds: number): string {
  return `flows-${new Date(milliseconds).toISOString().replace(/[-:.]/g, '')}`;
}

/** The time in a name. */
export function timeOf(name: string): number {
  const iso = name.replace(
    /^flows-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z$/,
    '$1-$2-$3T$4:$5:$6.$7Z',
  );
  return Date.parse(iso);
}

export interface LogFile {
  readonly name: string;
  /** All of it that there are: a file may be there twice while it is compressed. */
  readonly suffixes: ReadonlySet<string>;
}

/** The files of a log among those of a directory, oldest first. */
export function logFilesAmong(fileNames: readonly string[]): LogFile[] {
  const found = new Map<string, Set<string>>();
  for (const fileName of fileNames) {
    const [, name, suffix] = NAME.exec(fileName) ?? [];
    if (name === undefined || suffix === undefined) continue;
    const suffixes = found.get(name) ?? new Set();
    found.set(name, suffixes.add(suffix));
  }
  return [...found]
    .map(([name, suffixes]) => ({ name, suffixes }))
    .filter(({ suffixes }) => SUFFIXES.some((suffix) => suffixes.has(suffix)))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}
