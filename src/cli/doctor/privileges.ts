/**
 * What this process may do, and what it lacks.
 */
import { readFileSync } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import process from 'node:process';
import type { Api } from '../command.js';
import { type Attempt, attempt } from './attempt.js';

/** What everything else needs, too. */
export const READING = 'read and change entries';

export interface Privileges {
  readonly root: boolean;
  /** `undefined`: /proc does not show them. */
  readonly capabilities: Readonly<Record<string, boolean>> | undefined;
  readonly userNamespace: 'initial' | 'other' | 'unknown';
  /** What was tried, and how it went. */
  readonly tried: Readonly<Record<string, Attempt<unknown>>> &
    Readonly<Record<typeof READING, Attempt<unknown>>>;
}

export type PrivilegeApi = Pick<
  Api,
  'countEntries' | 'listTimeoutPolicies' | 'readStats' | 'watchEvents'
>;

/** Their numbers: linux/capability.h. */
const CAPABILITIES = {
  CAP_NET_BROADCAST: 11,
  CAP_NET_ADMIN: 12,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
} as const;

export async function readPrivileges(api: PrivilegeApi): Promise<Privileges> {
  return {
    root: process.geteuid?.() === 0,
    capabilities: readCapabilities(),
    userNamespace: readUserNamespace(),
    tried: {
      [READING]: await attempt(() => api.countEntries()),
      'watch events': await attempt(async () => {
        const stream = api.watchEvents();
        await stream.close();
        return { receiveBufferBytes: stream.receiveBufferBytes, coverage: stream.coverage };
      }),
      'watch events of all namespaces': await attempt(async () =>
        api.watchEvents({ allNamespaces: true }).close(),
      ),
      'timeout policies': await attempt(async () => (await api.listTimeoutPolicies()).length),
      'read counters': await attempt(async () => (await api.readStats()).source),
      'change settings': await attempt(async () =>
        access('/proc/sys/net/netfilter/nf_conntrack_acct', constants.W_OK),
      ),
    },
  };
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function readCapabilities(): Record<string, boolean> | undefined {
  const [, hex] = /^CapEff:\s*([0-9a-f]+)$/m.exec(textOf('/proc/self/status') ?? '') ?? [];
  if (hex === undefined) return undefined;
  const bits = BigInt(`0x${hex}`);
  return Object.fromEntries(
    Object.entries(CAPABILITIES).map(([name, bit]) => [name, ((bits >> BigInt(bit)) & 1n) === 1n]),
  );
}

/** The initial one maps every user. */
function readUserNamespace(): Privileges['userNamespace'] {
  const map = textOf('/proc/self/uid_map')?.trim().split(/\s+/).map(Number);
  if (map === undefined) return 'unknown';
  return map.join() === '0,0,4294967295' ? 'initial' : 'other';
}
