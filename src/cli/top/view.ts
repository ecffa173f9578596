/**
 * What `top` shows at a moment.
 */
import type { PressureSample } from '../../index.js';
import type { FlowDetails } from './details.js';
import type { Picture, Row } from './picture.js';
import type { Prompt } from './prompt.js';
import type { Wanted } from './wanted.js';

export interface View {
  wanted: Wanted;
  /** Conditions that every flow meets. */
  filterText: string;
  picture: Picture | undefined;
  pressure: PressureSample | undefined;
  /** The selected row by its name, and where it was; a row that has gone leaves its place selected. */
  selected: { readonly name: string; readonly index: number } | undefined;
  /** The first row on the screen. */
  top: number;
  /** A line that is typed, at the bottom. */
  prompt: Prompt | undefined;
  /** The result of the last key, or why it had none. */
  message: { readonly text: string; readonly isError: boolean } | undefined;
  /** Stands on the screen instead of the rows. */
  page: 'help' | FlowDetails | undefined;
  isPaused: boolean;
  /** A reading that the last key has asked for is under way. */
  isReading: boolean;
}

/** The row that is selected; `undefined`: none. */
export function selectedRow({ picture, selected }: View): Row | undefined {
  return selected === undefined ? undefined : picture?.rows[indexOfSelected(picture, selected)];
}

export function indexOfSelected(
  { rows }: Pick<Picture, 'rows'>,
  { name, index }: { readonly name: string; readonly index: number },
): number {
  const found = rows.findIndex((row) => row.name === name);
  return found === -1 ? Math.min(index, rows.length - 1) : found;
}

/** After a reading: the selected row stays selected, where it is now. */
export function follow(view: View, room: number): void {
  if (view.selected === undefined) scroll(view, room);
  else select(view, room, (index) => index);
}

/** @param next The index of another row, from that of the selected one; -1: none was. */
export function select(view: View, room: number, next: (index: number) => number): void {
  const { picture, selected } = view;
  if (picture === undefined) return;
  const at = selected === undefined ? -1 : indexOfSelected(picture, selected);
  const index = Math.min(picture.rows.length - 1, Math.max(0, next(at)));
  const row = picture.rows[index];
  view.selected = row && { name: row.name, index };
  scroll(view, room);
}

/** What is selected stands on the screen. */
function scroll(view: View, room: number): void {
  const most = Math.max(0, (view.picture?.rows.length ?? 0) - room);
  const { index } = view.selected ?? { index: view.top };
  const top = Math.min(Math.max(view.top, index - room + 1), Math.max(0, index));
  view.top = Math.min(top, most);
}

/** The addresses of a row. */
export function addressesOf(row: Row): string[] {
  if (row.kind === 'flow') return [row.entry.original.source, row.entry.original.destination];
  return row.grouping === 'source' || row.grouping === 'destination' ? [row.name] : [];
}
