// What the npm package has, file by file: the list that a new file must be put into before it ships.
// What is built or compiled from a list has no second one.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path) => readFileSync(join(root, path), 'utf8');
const inFolder = (folder, names) => names.split(/\s+/).map((name) => `${folder}/${name}`);

/** Written by hand. */
const NAMED = [
  'package.json',
  'LICENSE',
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  // The addon for other processors: docs/installing.md.
  'tools/build-from-source.mjs',
  'native/exports.map',
  'native/gyp/include/node/common.gypi',
  ...inFolder(
    'docs',
    `getting-started.md design.md
    architecture.md command-line.md debugging.md entries.md errors.md events.md filters.md
    flow-log-jetstream.md flow-log-opentelemetry.md flow-log-sqlite.md flow-log.md grafana-dashboard.json installing.md kernel-bugs.md kernel-side.md kernels.md
    lifecycle.md limits.md metrics.md mirror.md namespaces.md performance.md
    permissions.md prometheus-alerts.yml reading.md seccomp.json testing.md timeouts.md tuning.md
    writing.md`,
  ),
  'docs/comparison.md',
  ...inFolder(
    'docs/migration',
    `conntrack-command.md florianl-go-conntrack.md index.md libnetfilter-conntrack.md pyroute2.md
    ti-mo-conntrack.md vishvananda-netlink.md`,
  ),
  ...inFolder(
    'examples',
    `README.md at-a-glance.ts change-entries.ts cut-flows.ts exporter.ts first-look.ts
    flow-events.ts flow-log.ts flow-log-sqlite.ts list-entries.ts mirror-worker.ts most-bytes.ts nat-lookup.ts pressure.ts
    table-health.ts watch.ts`,
  ),
  ...inFolder(
    'examples/recipes',
    `behind-nat.ts counts.ts end-container-flows.ts exporter-express.ts exporter-fastify.ts new-flows.ts
    rate-limit.ts stale-udp.ts table-alert.ts top-talkers.ts`,
  ),
  ...inFolder(
    'docs/recipes',
    `behind-nat.md counts.md end-container-flows.md exporter.md flow-log-sqlite.md index.md new-flows.md
    rate-limit.md stale-udp.md table-alert.md top-talkers.md`,
  ),
  ...inFolder('examples/flow-log', 'agent.ts fleet.ts sinks.ts top-talkers.ts'),
  ...inFolder(
    'examples/flow-log/support',
    `collector.ts comparison.ts endurance.ts fleet-run.ts host.ts listener.ts nats-server.ts programs.ts
    scripted-traffic.ts sink-agent.ts sink-run.ts sink.ts stream.ts talkers.ts traffic.ts ulogd.ts`,
  ),
  ...inFolder(
    'examples/dashboard',
    `README.md audience.ts flow-counters.ts history.ts largest.ts main.ts monitor.ts
    namespace-watch.ts page.html page.ts requests.ts server.ts survey.ts`,
  ),
  ...inFolder(
    'examples/support',
    `end-of-pipe.ts fill-table.ts loopback.ts mirror-client.ts mirror-server.ts print.ts
    private-network.ts traffic.ts write-entries.ts`,
  ),
];

/** Made by tools/prebuild.mjs. */
const PREBUILT = [
  'native/binding.gyp',
  'prebuilds/SHA256SUMS',
  ...['x64', 'arm64'].flatMap((architecture) =>
    ['glibc', 'musl'].map((libc) => `prebuilds/linux-${architecture}/conntrack.${libc}.node`),
  ),
];

/** The files that are reached from some, by what `linksOf` finds in each. */
function reached(first, linksOf) {
  const files = new Set(first);
  for (const file of files) for (const link of linksOf(file)) files.add(link);
  return files;
}

/** What binding.gyp compiles, with the headers that it includes. */
function nativeFiles() {
  const [{ sources }] = JSON.parse(read('binding.gyp')).targets;
  return reached(sources, (file) =>
    Array.from(read(file).matchAll(/^#include "(.*)"$/gm), ([, name]) =>
      name.includes('/') ? `native/${name}` : `${dirname(file)}/${name}`,
    ),
  );
}

/** What tsc makes of src/, without the command line; that is bundled. */
function compiledFiles() {
  return readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.startsWith('cli/'))
    .map((name) => `dist/${name.slice(0, -'.ts'.length)}`)
    .flatMap((name) => [`${name}.js`, `${name}.d.ts`]);
}

/** The bundle of the command line: what its first file imports. */
function bundledFiles() {
  return reached(['dist/bin/conntrack-js.js'], (file) =>
    Array.from(read(file).matchAll(/(?:from|import)\s*\(?\s*["'](\.[^"']*\.js)["']/g), ([, name]) =>
      normalize(join(dirname(file), name)),
    ),
  );
}

/**
 * What is wrong with the files of a package: `unexpected` or `missing`, and which. Before
 * tools/prebuild.mjs has run, those that it makes may be missing.
 */
export function faultsOf(files, { isPrebuilt }) {
  const expected = new Set([...NAMED, ...nativeFiles(), ...compiledFiles(), ...bundledFiles()]);
  const all = new Set([...expected, ...PREBUILT]);
  const present = new Set(files);
  return [
    ...files.filter((file) => !all.has(file)).map((file) => `unexpected: ${file}`),
    ...[...(isPrebuilt ? all : expected)]
      .filter((file) => !present.has(file))
      .map((file) => `missing: ${file}`),
  ];
}
