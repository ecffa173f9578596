/**
 * The versions of what the package runs on.
 */
import { createRequire } from 'node:module';
import { arch, release, version } from 'node:os';
import process from 'node:process';

export interface Versions {
  readonly conntrack: string;
  /** Node-API of the addon and of Node.js. */
  readonly addon: string;
  readonly node: string;
  readonly libc: string;
  readonly kernel: string;
  readonly architecture: string;
}

/** @param addonProblem Why the addon could not be loaded. */
export function readVersions(addonProblem: string | undefined): Versions {
  const own = createRequire(import.meta.url)('../../package.json') as {
    readonly version: string;
    readonly binary?: { readonly napi_versions?: readonly number[] };
  };
  const napi = own.binary?.napi_versions?.join(', ') ?? 'unknown';
  return {
    conntrack: own.version,
    addon: addonProblem ?? `Node-API ${napi}, loaded (Node.js has ${process.versions.napi})`,
    node: process.versions.node,
    libc: libc(),
    kernel: `${process.platform} ${release()} ${version()}`,
    architecture: arch(),
  };
}

interface Report {
  readonly header: { readonly glibcVersionRuntime?: string };
  readonly sharedObjects: readonly string[];
}

/** Of the report of Node.js nothing else is kept: it has the environment and addresses. */
function libc(): string {
  const { report } = process;
  // Node.js 20.13 and 22 leave out the network with it; others look up names, which takes a moment.
  (report as { excludeNetwork?: boolean }).excludeNetwork = true;
  const { header, sharedObjects } = report.getReport() as unknown as Report;
  if (header.glibcVersionRuntime !== undefined) return `glibc ${header.glibcVersionRuntime}`;
  return sharedObjects.some((path) => path.includes('musl')) ? 'musl' : 'unknown';
}
