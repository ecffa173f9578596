/**
 * Prints entries as a table, two lines each: the original direction, then the reply.
 */
import { styleText } from 'node:util';
import { type Entry, STATUS_FLAGS, type Tuple } from 'conntrack';

const hasColors = process.stdout.isTTY && process.stdout.hasColors();

export function print(line: string): void {
  console.log(line);
}

export function printTitle(title: string): void {
  print(`\n${hasColors ? styleText('cyan', title) : title}`);
}

const HEAD = ['PROTO', 'STATE', 'FROM', 'TO', 'PACKETS', 'BYTES', 'FLAGS'];
const NUMBERS = new Set(['PACKETS', 'BYTES']);

export function printTable(entries: readonly Entry[]): void {
  const rows = entries.flatMap((entry) => [originalRow(entry), replyRow(entry)]);
  const widths = HEAD.map((_, column) =>
    Math.max(...[HEAD, ...rows].map((row) => row[column]?.length ?? 0)),
  );
  const lineOf = (row: readonly string[]) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return NUMBERS.has(HEAD[column] ?? '') ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  print(hasColors ? styleText('dim', lineOf(HEAD)) : lineOf(HEAD));
  for (const row of rows) print(lineOf(row));
}

function originalRow(entry: Entry): string[] {
  const state = (entry.tcp ?? entry.sctp ?? entry.dccp)?.state;
  const flags = STATUS_FLAGS.filter((flag) => entry.status[flag]).filter(
    // Every listed entry is confirmed; seenReply is on the line of the reply.
    (flag) => flag !== 'confirmed' && flag !== 'seenReply',
  );
  return [
    entry.protocol === 'other' ? String(entry.protocolNumber) : entry.protocol,
    state ?? icmpType(entry.original),
    ...endpoints(entry.original),
    ...counted(entry.counters?.original),
    flags.join(' '),
  ];
}

function replyRow(entry: Entry): string[] {
  return [
    '',
    icmpType(entry.reply),
    ...endpoints(entry.reply),
    ...counted(entry.counters?.reply),
    entry.status.seenReply ? 'seenReply' : '',
  ];
}

function icmpType({ icmp }: Tuple): string {
  return icmp === undefined ? '' : `type ${icmp.type}`;
}

function endpoints({ source, destination, sourcePort, destinationPort }: Tuple): string[] {
  return [endpoint(source, sourcePort), endpoint(destination, destinationPort)];
}

function endpoint(address: string, port: number | undefined): string {
  if (port === undefined) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function counted(counters: { packets: number; bytes: number } | undefined): string[] {
  if (counters === undefined) return ['-', '-'];
  return [counters.packets, counters.bytes].map((count) => count.toLocaleString('en'));
}
