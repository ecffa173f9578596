/**
 * The keys of `top`. Its help and docs/command-line.md have this table.
 */

interface KeyShape {
  /** A character, or the name that Node.js has for the key; with `ctrl-` before it. */
  readonly keys: readonly string[];
  /** How a person reads it. Absent: the line of another action has it. */
  readonly shown?: string;
  readonly help?: string;
  /** A word for the last line of the screen. */
  readonly short?: string;
}

export const KEYS = {
  rate: { keys: ['r'], shown: 'r', help: 'sort by rate; again: the smallest first', short: 'rate' },
  total: { keys: ['t'], shown: 't', help: 'sort by what was counted in all', short: 'total' },
  age: { keys: ['a'], shown: 'a', help: 'sort flows by age', short: 'age' },
  flows: { keys: ['f'], shown: 'f', help: 'sort groups by their number of flows' },
  unit: { keys: ['p'], shown: 'p', help: 'count packets instead of bytes, and back' },
  group: {
    keys: ['g', 'tab'],
    shown: 'g, G, Tab',
    help: 'group by source, destination, service, state; G: backwards',
    short: 'group',
  },
  groupBack: { keys: ['G', 'shift-tab'] },
  filter: {
    keys: ['/'],
    shown: '/',
    help: 'filter: the view follows each letter; Enter keeps, Esc takes back',
    short: 'filter',
  },
  open: {
    keys: ['return', 'enter', 'right'],
    shown: 'Enter',
    help: 'open the flow, or show the flows of the group',
    short: 'open',
  },
  back: {
    keys: ['escape', 'left', 'backspace'],
    shown: 'Esc',
    help: 'back: from a flow, from the flows of a group, from this help',
  },
  mark: { keys: ['m'], shown: 'm', help: 'mark the flow: MARK or MARK/MASK', short: 'mark' },
  cut: {
    keys: ['x', 'delete'],
    shown: 'x',
    help: 'cut the flow: asks, then deletes its entry, and with it its NAT',
    short: 'cut',
  },
  up: { keys: ['up', 'k'], shown: 'Up, Down, k, j', help: 'select the row above, or below' },
  down: { keys: ['down', 'j'] },
  pageUp: { keys: ['pageup'], shown: 'PgUp, PgDn', help: 'a screen up, or down' },
  pageDown: { keys: ['pagedown'] },
  first: {
    keys: ['home'],
    shown: 'Home, End',
    help: 'to the first row, and none selected; to the last',
  },
  last: { keys: ['end'] },
  names: { keys: ['n'], shown: 'n', help: 'look up the names of addresses (DNS), and back' },
  pause: { keys: [' '], shown: 'Space', help: 'pause, and go on', short: 'pause' },
  redraw: { keys: ['ctrl-l'], shown: 'Ctrl-L', help: 'draw the screen anew' },
  suspend: { keys: ['ctrl-z'], shown: 'Ctrl-Z', help: 'suspend' },
  help: { keys: ['?', 'h'], shown: '?, h', help: 'this help', short: 'help' },
  quit: { keys: ['q', 'ctrl-c'], shown: 'q, Ctrl-C', help: 'quit', short: 'quit' },
} as const satisfies Readonly<Record<string, KeyShape>>;

export type Action = keyof typeof KEYS;

export const ACTIONS = Object.keys(KEYS) as Action[];

/** A key, without the narrow type of the list. */
const keyOf = (action: Action): KeyShape => KEYS[action];

/** The lines of the help. */
export const SHOWN_KEYS = ACTIONS.flatMap((action) => {
  const { shown, help = '', short } = keyOf(action);
  return shown === undefined ? [] : [{ shown, help, short }];
});

const BY_KEY = new Map(
  ACTIONS.flatMap((action) => keyOf(action).keys.map((key) => [key, action] as const)),
);

/** What `keypress` of node:readline has of a key. */
export interface Key {
  readonly sequence?: string | undefined;
  readonly name?: string | undefined;
  readonly ctrl?: boolean;
  readonly shift?: boolean;
  readonly isPasted?: boolean;
}

export function actionOf({ sequence = '', name = '', ctrl = false, shift = false }: Key) {
  if (ctrl) return BY_KEY.get(`ctrl-${name}`);
  if (shift && name === 'tab') return BY_KEY.get('shift-tab');
  return BY_KEY.get(sequence) ?? (name.length > 1 ? BY_KEY.get(name) : undefined);
}
