// The copies of the package, and the table that the operations work on.
const ENTRIES = 1000;

/** Loads each copy of the package, with its flow log. */
export const loadAll = (paths) =>
  Promise.all(
    paths.map(async (path) => ({
      ...(await import(path)),
      ...(await import(new URL('flow-log.mjs', path).href)),
    })),
  );

/** Makes a table of some batches, whose flows send events. */
export async function setUp({ createEntries, writeSettings }) {
  await writeSettings({ events: 'on' });
  const specs = Array.from({ length: ENTRIES }, (_, index) => ({
    protocol: 'tcp',
    original: {
      source: `10.0.${index >> 8}.${index & 255}`,
      destination: '10.1.0.1',
      sourcePort: 1000,
      destinationPort: 443,
    },
    timeout: 3600,
    tcp: { state: 'ESTABLISHED' },
  }));
  for (const { error } of await createEntries(specs)) if (error !== undefined) throw error;
}
