/**
 * A network namespace that plays a host: it has a device to the one of this process, which routes.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where the server listens: on the loopback device of the namespace of this process. */
export const HUB = '10.77.0.1';

/**
 * The kernel tracks what leaves and what comes, except for what the agent and the server say. What
 * comes for ports without a service vanishes.
 */
const RULES = `
  table ip fleet {
    chain raw_out { type filter hook output priority raw; ip daddr ${HUB} notrack; }
    chain raw_in { type filter hook prerouting priority raw; ip saddr ${HUB} notrack; }
    chain out { type filter hook output priority 0; ct state new counter; }
    chain in { type filter hook input priority -10; udp dport >= 1024 ct state new drop; }
  }`;

/** Of the kernel, for entries that end soon. */
const SETTINGS = {
  acct: 1,
  timestamp: 1,
  events: 1,
  udp_timeout: 1,
  udp_timeout_stream: 1,
  tcp_timeout_time_wait: 1,
  tcp_timeout_close: 1,
} as const;

export class Host {
  readonly name: string;
  readonly address: string;
  readonly #holder: ChildProcess;

  private constructor(name: string, address: string, holder: ChildProcess) {
    this.name = name;
    this.address = address;
    this.#holder = holder;
  }

  /** `number`: from 1 to 250. */
  static async create(number: number): Promise<Host> {
    const holder = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', 'unshare', '--net', '--', 'sh', '-c', 'echo && exec cat'],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    await once(holder.stdout, 'data');
    const host = new Host(`host-${number}`, `10.77.${number}.2`, holder);
    await host.#connect(number);
    return host;
  }

  /** Runs a program in it, to its end. */
  async run(command: string, ...args: string[]): Promise<string> {
    const { stdout } = await run('nsenter', [...this.#inside, command, ...args]);
    return stdout;
  }

  /** Starts a program in it, which ends with this process at the latest. */
  start(command: string, ...args: string[]) {
    return spawn('setpriv', ['--pdeathsig', 'KILL', 'nsenter', ...this.#inside, command, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  }

  /** One flow that begins and ends, with these addresses. */
  async mark(source: string, destination: string): Promise<void> {
    const flow = ['-p', 'udp', '-s', source, '-d', destination, '--sport', '1', '--dport', '1'];
    await this.run('conntrack', '-I', ...flow, '-t', '60');
    await this.run('conntrack', '-D', ...flow);
  }

  close(): void {
    this.#holder.kill('SIGKILL');
  }

  async #connect(number: number): Promise<void> {
    const device = `to-${this.name}`;
    const gateway = `10.77.${number}.1`;
    const pid = String(this.#holder.pid);
    const peer = ['peer', 'name', 'eth0', 'netns', pid];
    await run('ip', ['link', 'add', device, 'type', 'veth', ...peer]);
    await run('ip', ['address', 'add', `${gateway}/24`, 'dev', device]);
    await run('ip', ['link', 'set', device, 'up']);
    const settings = Object.entries(SETTINGS).map(
      ([name, value]) => `echo ${value} > /proc/sys/net/netfilter/nf_conntrack_${name}`,
    );
    await this.run(
      'sh',
      '-ec',
      [
        'ip link set lo up',
        `ip address add ${this.address}/24 dev eth0`,
        'ip link set eth0 up',
        `ip route add default via ${gateway}`,
        `nft '${RULES}'`,
        ...settings,
      ].join('\n'),
    );
  }

  get #inside(): string[] {
    return ['--target', String(this.#holder.pid), '--net', '--'];
  }
}

/** Makes the namespace of this process the router between the hosts. */
export async function becomeHub(): Promise<void> {
  await run('ip', ['link', 'set', 'lo', 'up']);
  await run('ip', ['address', 'add', `${HUB}/32`, 'dev', 'lo']);
  await writeFile('/proc/sys/net/ipv4/ip_forward', '1');
}
