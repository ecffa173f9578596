/**
 * The standard output: gathers text, and ends the command where nobody takes it.
 */
import type { Sink } from '../world.js';

/** Nobody reads the output any more. */
export class BrokenPipe extends Error {
  override readonly name = 'BrokenPipe';
}

/** The output could not be written, as on a full disk. */
export class OutputError extends Error {
  override readonly name = 'OutputError';
}

/** Characters that are gathered before they are written. */
const GATHERED = 65_536;

export class Writer {
  readonly #sink: Sink;
  #waiting = '';

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** A promise when the text was written, so that a slow reader slows the command. */
  line(text: string): Promise<void> | undefined {
    this.#waiting += `${text}\n`;
    return this.#waiting.length < GATHERED ? undefined : this.flush();
  }

  async lines(texts: Iterable<string>): Promise<void> {
    for (const text of texts) await this.line(text);
  }

  async flush(): Promise<void> {
    const text = this.#waiting;
    this.#waiting = '';
    if (text !== '') await writeTo(this.#sink, text);
  }
}

/** @throws BrokenPipe or OutputError. */
export async function writeTo(sink: Sink, text: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    sink.write(text, (error) => {
      if (error === undefined || error === null) resolve();
      else reject(outputError(error));
    });
  });
}

export function outputError(error: Error): Error {
  const { code = error.message } = error as NodeJS.ErrnoException;
  // EIO: that of a terminal that was closed.
  if (code === 'EPIPE' || code === 'EIO' || code === 'ERR_STREAM_DESTROYED') {
    return new BrokenPipe(code, { cause: error });
  }
  const why = REASONS[code] ?? code;
  return new OutputError(`cannot write the output: ${why}`, { cause: error });
}

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full (ENOSPC)',
  EDQUOT: 'the quota of the disk is used up (EDQUOT)',
  EFBIG: 'the file would be too large (EFBIG)',
};
