// The cells of the matrix, gathered into processes.
import { ENDINGS } from './endings.mjs';
import { cellsOf, STEPS } from './steps.mjs';
import { SURVIVED } from './survived.mjs';

/** How many addresses of its own a process may use. */
const NUMBERS = 1000;

/** How many copies of the package are in a process: the other one costs as much again. */
const copiesIn = (way) =>
  ['process.exit()', 'the end of another copy of the package'].includes(way) ? 2 : 1;

/**
 * All cells of a way and a step in one process: half of them on the main thread, half in a worker,
 * and the other way round for the next way to end. What leaves the process alive has two
 * processes for all steps.
 */
export function processes() {
  let first = 0;
  const next = (numbers) => {
    first += numbers;
    return first - numbers;
  };
  const ending = Object.entries(ENDINGS).flatMap(([way, { steps = STEPS, ended }], index) =>
    steps.map((step) => {
      const half = (which) => cellsOf(step).filter((_, at) => at % 2 === which);
      return {
        name: `${way}: ${step}`,
        ended,
        settings: {
          way,
          steps: [step],
          copies: copiesIn(way),
          cells: half(index % 2),
          workerCells: half((index + 1) % 2),
          first: next(NUMBERS),
        },
      };
    }),
  );
  const survived = Object.keys(SURVIVED).flatMap((way) =>
    [STEPS.slice(0, 3), STEPS.slice(3)].map((steps) => ({
      name: `${way}: ${steps.join(', ')}`,
      ended: { code: 0, signal: null, stdout: 'done\n' },
      settings: { way, steps, copies: copiesIn(way), first: next(2 * NUMBERS) },
    })),
  );
  return [...ending, ...survived];
}

/** How many cells a process has: an operation, its caller, a step and a way to end. */
export const sizeOf = ({ settings: { steps, cells, workerCells } }) =>
  cells === undefined
    ? steps.reduce((sum, step) => sum + cellsOf(step).length, 0)
    : cells.length + workerCells.length;

/** The same process for each cell of it alone. */
export function* cellByCell({ name, ended, settings }) {
  for (const step of settings.steps) {
    for (const cell of cellsOf(step)) {
      yield {
        name: `${name}: ${cell.operation}, as a ${cell.caller}, ${step}`,
        ended,
        settings: { ...settings, steps: [step], cells: [cell], workerCells: [cell] },
      };
    }
  }
}

/** What is wrong with how a process ended; `undefined`: nothing. */
export function faultOf({ ended: { says = '', ...wanted } }, { stderr, ...seen }) {
  const isAsWanted = Object.entries(wanted).every(([name, value]) => seen[name] === value);
  const isHeard = says === '' ? stderr === '' : stderr.includes(says);
  if (isAsWanted && isHeard) return undefined;
  return `${JSON.stringify(seen)}, not ${JSON.stringify(wanted)}\n${stderr}`;
}
