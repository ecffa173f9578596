/**
 * An independent listener: a program in Perl that reads the DESTROY events of a host from the kernel.
 * The `conntrack` command listens, too, but its receive buffer has room for some 160 events.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Host } from './host.js';

/** A flow that has ended, with its counters of both directions. */
export interface EndedFlow {
  readonly name: string;
  readonly packets: number;
  readonly bytes: number;
  /** In milliseconds, as the kernel said. */
  readonly end: number;
}

/** The destination of a flow that a host begins and ends after all others. */
export const LAST = '192.0.2.3';

/**
 * Writes a line for each flow to a file: what tells it from others, and its counters. Prints how many
 * there are, now and then: whoever is slow to read that does not stop it.
 */
const PROGRAM = `
  use strict;
  use Socket;
  $| = 1;
  my ($path, $last) = @ARGV;
  my ($count, $seen) = (0, 0);
  open(my $file, '>', $path) or die "$path: $!";
  socket(my $socket, 16, SOCK_RAW, 12) or die "socket: $!"; # AF_NETLINK, NETLINK_NETFILTER
  setsockopt($socket, SOL_SOCKET, 33, pack('i', 64 << 20)) or die "SO_RCVBUFFORCE: $!";
  bind($socket, pack('SSLL', 16, 0, 0, 4)) or die "bind: $!"; # the group of DESTROY events
  print "listening\\n";

  sub attributes {
    my ($data, %found) = @_;
    while (length $data >= 4) {
      my ($length, $type) = unpack('SS', $data);
      $found{$type & 0x3fff} = substr($data, 4, $length - 4);
      $data = substr($data . "\\0" x 4, ($length + 3) & ~3, -4);
    }
    return \\%found;
  }

  sub milliseconds {
    my $time = unpack('Q>', shift);
    return ($time - $time % 1_000_000) / 1_000_000; # of whole numbers: no digit is lost
  }

  sub ended {
    my $entry = attributes(@_);
    my ($tuple, $time) = map { attributes($entry->{$_} // '') } 1, 20;
    my ($ip, $protocol) = map { attributes($tuple->{$_}) } 1, 2;
    my @name = (unpack('N', $entry->{12}), milliseconds($time->{1}));
    push @name, unpack('C', $protocol->{1});
    for my $side (1, 2) {
      push @name, inet_ntoa($ip->{$side}), unpack('n', $protocol->{$side + 1} // "\\0\\0");
    }
    my @sums = map {
      my $of = $_;
      unpack('Q>', attributes($entry->{9})->{$of}) + unpack('Q>', attributes($entry->{10})->{$of});
    } 1, 2;
    print $file join(' ', @name, @sums, milliseconds($time->{2})), "\\n";
    $count++;
    $seen ||= $name[5] eq $last;
  }

  for (;;) {
    my $data;
    defined recv($socket, $data, 65536, 0) or do { print "lost\\n"; next };
    while (length $data >= 20) {
      my ($length, $type) = unpack('LS', $data);
      ended(substr($data, 20, $length - 20)) if $type == 0x102;
      $data = substr($data . "\\0" x 4, ($length + 3) & ~3, -4);
    }
    if ($seen) {
      close $file;
      print "last\\n";
      last;
    }
    print "$count\\n" if $count % 64 == 0;
  }
`;

export class Listener {
  /** How many flows have ended, at least. */
  count = 0;
  /** It has missed events. */
  hasLost = false;
  /** It has seen the last flow, and written all before it. */
  hasEnded = false;
  readonly #folder: string;
  readonly #process;

  private constructor(folder: string, process: ReturnType<Host['start']>) {
    this.#folder = folder;
    this.#process = process;
  }

  /** Resolves when it listens. */
  static async start(host: Host): Promise<Listener> {
    const folder = await mkdtemp(join(tmpdir(), 'listener-'));
    const process = host.start('perl', '-e', PROGRAM, join(folder, 'flows'), LAST);
    process.stderr.pipe(globalThis.process.stderr, { end: false });
    const listener = new Listener(folder, process);
    await new Promise<void>((resolve, reject) => {
      process.once('exit', () => {
        reject(new Error(`the listener of ${host.name} has ended`));
      });
      createInterface(process.stdout).on('line', (line) => {
        if (line === 'listening') resolve();
        else listener.#heed(line);
      });
    });
    return listener;
  }

  /** The flows, when it has ended. */
  async flows(): Promise<EndedFlow[]> {
    const text = await readFile(join(this.#folder, 'flows'), 'utf8');
    return text.trimEnd().split('\n').map(flowIn);
  }

  async close(): Promise<void> {
    this.#process.kill('SIGKILL');
    await rm(this.#folder, { recursive: true, force: true });
  }

  #heed(line: string): void {
    if (line === 'lost') this.hasLost = true;
    else if (line === 'last') this.hasEnded = true;
    else this.count = Number(line);
  }
}

/** What tells a flow from all others. `start`: in milliseconds. */
export function nameOf(parts: {
  readonly id: number;
  readonly start: number;
  readonly protocol: number;
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
}): string {
  const { id, start, protocol, source, sourcePort, destination, destinationPort } = parts;
  return `${id} ${start} ${protocol} ${source} ${sourcePort} ${destination} ${destinationPort}`;
}

function flowIn(line: string): EndedFlow {
  const words = line.split(' ');
  const [packets, bytes, end] = words.splice(7).map(Number);
  return { name: words.join(' '), packets: packets ?? 0, bytes: bytes ?? 0, end: end ?? 0 };
}
