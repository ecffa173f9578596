// The ways in which the process ends, and how it then has ended.
import { keepsAlive, reach, refuseFaults } from './steps.mjs';

/** How long the event loop must go on for what keeps it. */
const KEPT_MS = 30;

const done = () => console.log('done');
const forever = () => void setInterval(() => undefined, 1000);

/**
 * Lets the event loop empty with all that does not keep it; then, one by one, with what does: the
 * loop goes on until that is closed.
 */
function emptyLoop({ apis, step, cells, worker, first }) {
  worker.thread.unref();
  const keeping = cells.filter((cell) => keepsAlive(step, cell));
  const next = async () => {
    const cell = keeping.pop();
    if (cell === undefined) {
      process.off('beforeExit', next);
      done();
      return;
    }
    const name = `${cell.operation}, as a ${cell.caller}, ${step}`;
    let kept = false;
    const left = () => {
      if (!kept) throw new Error(`${name}: did not keep the process alive`);
    };
    process.off('beforeExit', next);
    process.on('beforeExit', left);
    const cases = await reach({ apis, step, cells: [cell], first: first + keeping.length });
    // What has come already keeps nothing: the next read does.
    for (const one of cases) if (one.row.endless) void one.readOn();
    await new Promise((resolve) => setTimeout(resolve, KEPT_MS).unref());
    kept = true;
    process.off('beforeExit', left);
    process.on('beforeExit', next);
    for (const one of cases) await one.release();
    refuseFaults(cases);
  };
  process.on('beforeExit', next);
}

export const ENDINGS = {
  'the event loop empties': {
    cells: (cells, step) => cells.filter((cell) => !keepsAlive(step, cell)),
    run: emptyLoop,
    ended: { code: 0, signal: null, stdout: 'done\n' },
  },
  'process.exit()': {
    run() {
      done();
      process.exit(0);
    },
    ended: { code: 0, signal: null, stdout: 'done\n' },
  },
  'process.exit() in a callback': {
    steps: ['called', 'under way', 'in a later read', 'aborted', 'closed'],
    run({ cases }) {
      const exit = () => {
        done();
        process.exit(0);
      };
      for (const { pending } of cases) void pending.then(exit);
    },
    ended: { code: 0, signal: null, stdout: 'done\n' },
  },
  'an uncaught exception': {
    run() {
      setImmediate(() => {
        throw new Error('thrown on purpose');
      });
    },
    ended: { code: 1, signal: null, stdout: '', says: 'thrown on purpose' },
  },
  'an unhandled rejection': {
    run() {
      void Promise.reject(new Error('rejected on purpose'));
      forever();
    },
    ended: { code: 1, signal: null, stdout: '', says: 'rejected on purpose' },
  },
  SIGTERM: {
    run() {
      process.kill(process.pid, 'SIGTERM');
      forever();
    },
    ended: { code: null, signal: 'SIGTERM', stdout: '' },
  },
  SIGINT: {
    run() {
      process.kill(process.pid, 'SIGINT');
      forever();
    },
    ended: { code: null, signal: 'SIGINT', stdout: '' },
  },
};
