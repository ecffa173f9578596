/**
 * Takes the terminal, and gives it back however the process ends: by a signal or an uncaught error, and
 * while it is suspended.
 */
import process from 'node:process';
import { emitKeypressEvents, type Interface } from 'node:readline';
import type { Input, Sink } from '../world.js';
import type { Key } from './keys.js';
import type { Screen } from './screen.js';

const ENDING = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const;
/** Milliseconds after Esc in which the rest of a key such as an arrow comes. */
const ESCAPE_MS = 50;

export interface Listener {
  readonly key: (key: Key) => void;
  /** Draws everything: the size has changed, or the shell has continued the process. */
  readonly redraw: () => void;
  /** The input has ended. */
  readonly gone: () => void;
}

export class Terminal {
  readonly #screen: Screen;
  readonly #input: Input;
  readonly #output: Sink;
  readonly #listener: Listener;
  #isPasting = false;

  constructor(screen: Screen, input: Input, output: Sink, listener: Listener) {
    this.#screen = screen;
    this.#input = input;
    this.#output = output;
    this.#listener = listener;
  }

  take(): void {
    // Of an interface it reads this alone.
    emitKeypressEvents(this.#input, { escapeCodeTimeout: ESCAPE_MS } as unknown as Interface);
    this.#input.on('keypress', this.#press);
    this.#input.on('end', this.#listener.gone);
    this.#input.on('error', this.#listener.gone);
    this.#output.on?.('resize', this.#listener.redraw);
    for (const signal of ENDING) process.on(signal, this.#end);
    process.on('SIGTSTP', this.#stop);
    process.on('SIGCONT', this.#continue);
    process.on('exit', this.#giveBack);
    process.on('uncaughtExceptionMonitor', this.#giveBack);
    this.#enter();
    this.#input.resume();
  }

  release(): void {
    this.#giveBack();
    this.#input.off('keypress', this.#press);
    this.#input.off('end', this.#listener.gone);
    this.#input.off('error', this.#listener.gone);
    this.#output.off?.('resize', this.#listener.redraw);
    for (const signal of ENDING) process.off(signal, this.#end);
    process.off('SIGTSTP', this.#stop);
    process.off('SIGCONT', this.#continue);
    process.off('exit', this.#giveBack);
    process.off('uncaughtExceptionMonitor', this.#giveBack);
    this.#input.pause();
  }

  /** Stops the process as Ctrl-Z does, until the shell continues it. */
  suspend(): void {
    this.#giveBack();
    process.off('SIGTSTP', this.#stop);
    // Without a shell that could continue it the kernel ignores this.
    process.kill(process.pid, 'SIGTSTP');
    process.on('SIGTSTP', this.#stop);
    this.#continue();
  }

  #enter(): void {
    this.#input.setRawMode?.(true);
    this.#screen.enter();
  }

  readonly #giveBack = (): void => {
    this.#screen.leave();
    try {
      this.#input.setRawMode?.(false);
    } catch {
      // The terminal was closed.
    }
  };

  /** The signal ends the process, as it does without a terminal that is to be given back. */
  readonly #end = (signal: NodeJS.Signals): void => {
    this.release();
    process.kill(process.pid, signal);
  };

  readonly #stop = (): void => {
    this.suspend();
  };

  readonly #continue = (): void => {
    this.#enter();
    this.#listener.redraw();
  };

  readonly #press = (_text: string | undefined, key: Key): void => {
    if (key.name === 'paste-start') this.#isPasting = true;
    else if (key.name === 'paste-end') this.#isPasting = false;
    else this.#listener.key(this.#isPasting ? { ...key, isPasted: true } : key);
  };
}
