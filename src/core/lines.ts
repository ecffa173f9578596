/**
 * Lines of text that comes in pieces, in bounded memory.
 */
import { typeError } from './errors.js';
import { LIMITS } from './limits.js';
import { shown } from './show-value.js';

export interface Line {
  /** From 1. */
  readonly number: number;
  /** `undefined`: it is longer than LIMITS.lineCharacters, and was dropped. */
  readonly text: string | undefined;
}

export class LineSplitter {
  private readonly decoder = new TextDecoder();
  private rest = '';
  private isTooLong = false;
  private number = 0;

  /** The lines that end in this piece; take them all before the next one. */
  *push(piece: unknown): Generator<Line, undefined> {
    const text = this.decoded(piece);
    let from = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', from)) {
      this.add(text.slice(from, end));
      from = end + 1;
      yield this.take();
    }
    this.add(text.slice(from));
  }

  /** The line behind the last line break, unless it is empty. */
  *end(): Generator<Line, undefined> {
    this.add(this.decoder.decode());
    if (this.rest !== '' || this.isTooLong) yield this.take();
  }

  private decoded(piece: unknown): string {
    if (typeof piece === 'string') return piece;
    if (piece instanceof Uint8Array) return this.decoder.decode(piece, { stream: true });
    throw typeError('readable', `must give strings or bytes, not ${shown(piece)}`);
  }

  private add(part: string): void {
    if (this.isTooLong) return;
    this.rest += part;
    if (this.rest.length <= LIMITS.lineCharacters) return;
    this.rest = '';
    this.isTooLong = true;
  }

  private take(): Line {
    const text = this.isTooLong ? undefined : this.rest;
    this.rest = '';
    this.isTooLong = false;
    this.number++;
    return { number: this.number, text };
  }
}
