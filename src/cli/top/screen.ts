/**
 * The screen of a terminal: writes the lines that have changed, in one piece.
 */
import type { Sink } from '../world.js';

const CSI = '\u001b[';

/** The alternate screen without a cursor; the terminal cuts lines at its edge, and marks a paste. */
const ENTER = `${CSI}?1049h${CSI}?25l${CSI}?7l${CSI}?2004h`;
const LEAVE = `${CSI}0m${CSI}?2004l${CSI}?7h${CSI}?25h${CSI}?1049l`;
/** A terminal that knows these shows the text between them at once. */
const BEGIN = `${CSI}?2026h`;
const END = `${CSI}?2026l`;

/** Where a person types. */
export interface Cursor {
  readonly row: number;
  readonly column: number;
}

export class Screen {
  readonly #sink: Sink;
  #shown: readonly string[] = [];
  #isEntered = false;
  #hasCursor = false;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  get size(): { readonly rows: number; readonly columns: number } {
    return { rows: this.#sink.rows ?? 24, columns: this.#sink.columns ?? 80 };
  }

  enter(): void {
    if (this.#isEntered) return;
    this.#isEntered = true;
    this.#hasCursor = false;
    this.#sink.write(ENTER);
    this.clear();
  }

  leave(): void {
    if (!this.#isEntered) return;
    this.#isEntered = false;
    this.#sink.write(LEAVE);
  }

  /** The next drawing writes every line. */
  clear(): void {
    this.#shown = [];
  }

  draw(lines: readonly string[], cursor?: Cursor): void {
    if (!this.#isEntered) return;
    const shown = this.#shown;
    const isNew = shown.length === 0;
    const changed = lines.flatMap((line, row) =>
      line === shown[row] ? [] : [`${at(row, 0)}${line}${CSI}0m${CSI}K`],
    );
    const below = lines.length < shown.length ? `${at(lines.length, 0)}${CSI}J` : '';
    const typed = cursor === undefined ? '' : `${at(cursor.row, cursor.column)}${CSI}?25h`;
    const hidden = cursor === undefined && this.#hasCursor ? `${CSI}?25l` : '';
    const text = `${isNew ? `${CSI}2J` : ''}${changed.join('')}${below}${hidden}${typed}`;
    this.#shown = [...lines];
    this.#hasCursor = cursor !== undefined;
    if (text !== '') this.#sink.write(BEGIN + text + END);
  }
}

const at = (row: number, column: number) => `${CSI}${row + 1};${column + 1}H`;
