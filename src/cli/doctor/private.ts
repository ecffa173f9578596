/**
 * What identifies the machine: only where somebody asks for it.
 */
import { hostname } from 'node:os';
import process from 'node:process';
import type { Api } from '../command.js';
import { type Attempt, attempt } from './attempt.js';

export interface Private {
  readonly hostname: string;
  readonly execPath: string;
  readonly addonOverride: string | undefined;
  /** Addresses with the most entries. */
  readonly busiest: Attempt<{
    readonly sources: readonly Busy[];
    readonly destinations: readonly Busy[];
  }>;
}

interface Busy {
  readonly address: string;
  readonly entries: number;
}

/** Addresses that are counted; later ones are not. */
const COUNTED = 100_000;
const SHOWN = 5;

export async function readPrivate(api: Pick<Api, 'streamEntries'>): Promise<Private> {
  return {
    hostname: hostname(),
    execPath: process.execPath,
    addonOverride: process.env.CONNTRACK_ADDON,
    busiest: await attempt(async () => {
      const sources = new Map<string, number>();
      const destinations = new Map<string, number>();
      for await (const batch of api.streamEntries().batches()) {
        for (const { original } of batch) {
          count(sources, original.source);
          count(destinations, original.destination);
        }
      }
      return { sources: most(sources), destinations: most(destinations) };
    }),
  };
}

function count(counts: Map<string, number>, address: string): void {
  const before = counts.get(address);
  if (before !== undefined || counts.size < COUNTED) counts.set(address, (before ?? 0) + 1);
}

const most = (counts: ReadonlyMap<string, number>): Busy[] =>
  [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, SHOWN)
    .map(([address, entries]) => ({ address, entries }));
