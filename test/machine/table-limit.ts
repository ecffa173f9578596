/**
 * `net.netfilter.nf_conntrack_max` is one for all network namespaces. It is changed in the
 * initial one, where the process that started the tests is, and put back.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';

const PATH = '/proc/sys/net/netfilter/nf_conntrack_max';

/** Runs a shell script in the network namespace of the process that started this one. */
function outside(script: string): string {
  const stdio = ['ignore', 'pipe', 'pipe'] as const;
  return execFileSync('nsenter', outsideArgs(script), { encoding: 'utf8', stdio: [...stdio] });
}

function outsideArgs(script: string): string[] {
  return ['--target', String(process.ppid), '--net', '--', 'sh', '-c', script];
}

/** The limit now, if it may be changed; else the reason why not. */
export function changeableLimit(): number | string {
  // While it is low, other network namespaces drop new flows.
  if (process.env.CONNTRACK_TEST_MACHINE !== '1') {
    return 'it changes nf_conntrack_max of the whole machine for some seconds: set CONNTRACK_TEST_MACHINE=1';
  }
  try {
    const limit = outside(`cat ${PATH}`).trim();
    outside(`echo ${limit} > ${PATH}`);
    return Number(limit);
  } catch {
    return 'nf_conntrack_max may not be changed: run as root in the initial network namespace';
  }
}

/**
 * Changes it. A process of its own puts it back: when told to, or when this one is gone,
 * however it has ended.
 */
export async function setLimit(from: number, to: number): Promise<() => Promise<void>> {
  const script = `echo ${to} > ${PATH} && echo changed && cat; echo ${from} > ${PATH}`;
  const keeper = spawn('nsenter', outsideArgs(script), {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  await once(keeper.stdout, 'data');
  return async () => {
    keeper.stdin.end();
    await once(keeper, 'exit');
  };
}
