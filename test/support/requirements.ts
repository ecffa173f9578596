/**
 * What a test file needs of the machine. Where it is missing, the file is skipped
 * with a message that says what would un-skip it; with CONNTRACK_TEST_STRICT=1,
 * as in CI, that is a failure.
 */
import { spawnSync } from 'node:child_process';
import { describe } from 'vitest';
import { enterFreshNetwork } from './namespace.js';

const PACKAGES: Readonly<Record<string, string>> = {
  conntrack: 'conntrack',
  nft: 'nftables',
  iptables: 'iptables',
  nfct: 'nfct',
  ip: 'iproute2',
  setcap: 'libcap2-bin',
  setpriv: 'util-linux',
  perl: 'perl',
  unshare: 'util-linux',
  script: 'bsdutils',
  bash: 'bash',
  readelf: 'binutils',
  'musl-gcc': 'musl-tools',
  prometheus: 'prometheus',
  'nats-server': 'nats-server',
  's390x-linux-gnu-g++': 'g++-s390x-linux-gnu',
  'qemu-s390x-static': 'qemu-user-static',
  'aarch64-linux-gnu-gcc': 'gcc-aarch64-linux-gnu',
  'qemu-aarch64-static': 'qemu-user-static',
  promtool: 'prometheus',
  chromium: 'chromium',
};

export type Tool = keyof typeof PACKAGES;

function missingTools(tools: readonly string[]): string[] {
  return tools
    .filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0)
    .map((tool) => `"${tool}" is missing (apt-get install ${PACKAGES[tool] ?? tool})`);
}

function describeUnless(reasons: readonly string[]): typeof describe {
  if (reasons.length === 0) return describe;
  const message = reasons.join('; ');
  if (process.env.CONNTRACK_TEST_STRICT === '1') throw new Error(`cannot run: ${message}`);
  return ((name: string, body: () => void) =>
    describe.skip(`${name} [skipped: ${message}]`, body)) as typeof describe;
}

/** A `describe` that runs only where the tools are there. */
export function describeWithTools(...tools: Tool[]): typeof describe {
  return describeUnless(missingTools(tools));
}

/**
 * A `describe` whose tests run in a fresh network namespace, where the tools are
 * there. Call it once a file, before anything opens a socket.
 */
export function describeInNamespace(...tools: Tool[]): typeof describe {
  return describeInNamespaceIf(undefined, ...tools);
}

/** The same, where something else may be missing, too. */
export function describeInNamespaceIf(
  missing: string | undefined,
  ...tools: Tool[]
): typeof describe {
  const reasons = [...(missing === undefined ? [] : [missing]), ...missingTools(tools)];
  const refused = enterFreshNetwork();
  if (refused !== undefined) {
    reasons.push(
      `no network namespace could be made (${refused}): run as root, or allow user namespaces`,
    );
  }
  return describeUnless(reasons);
}
