/** A world for command lines: its outputs are texts. */
import { Readable } from 'node:stream';
import type { Sink, World } from '../../src/cli/world.js';

export interface Text extends Sink {
  text: () => string;
}

export function sink(facts: Partial<Sink> = {}, failure?: NodeJS.ErrnoException): Text {
  let text = '';
  return {
    ...facts,
    text: () => text,
    write: (part: string, done?: (error?: Error | null) => void) => {
      if (failure === undefined) text += part;
      done?.(failure);
    },
  };
}

export const TERMINAL = { isTTY: true, columns: 80, rows: 24 } as const;

export function worldOf(parts: Partial<World> = {}): World & { out: Text; err: Text } {
  return {
    out: sink(),
    err: sink(),
    in: () => Readable.from([]),
    env: {},
    onInterrupt: () => () => undefined,
    ...parts,
  } as World & { out: Text; err: Text };
}

export function failing(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`write ${code}`), { code, syscall: 'write' });
}
