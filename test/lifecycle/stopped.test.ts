/**
 * A process that is stopped and continued at any moment reports nothing wrongly. More and longer
 * stops: CONNTRACK_STOPS=200 CONNTRACK_STOP_MS=1200 npm test -- --project lifecycle stopped
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { describeInNamespace } from '../support/requirements.js';
import { bundled } from './scenarios.js';

const STOPS = Number(process.env.CONNTRACK_STOPS ?? 40);
const LONGEST_MS = Number(process.env.CONNTRACK_STOP_MS ?? 150);

/** What fixtures/stopped.mjs prints. */
interface Outcome {
  readonly wrong: object;
  readonly errors: object;
  readonly done: number;
}

describeInNamespace()('a process that is stopped and continued', () => {
  test(
    'reports what was done, and no more',
    async () => {
      const child = spawn(process.execPath, [bundled('stopped')], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      await once(child.stdout, 'data');
      const output = text(child.stdout);
      for (let stop = 0; stop < STOPS; stop++) {
        await delay(Math.random() * 40);
        child.kill('SIGSTOP');
        await delay(Math.random() * LONGEST_MS);
        child.kill('SIGCONT');
      }
      child.stdin.end();
      const { wrong, errors, done } = JSON.parse(await output) as Outcome;
      console.log(`${STOPS} stops of up to ${LONGEST_MS} ms: ${done} entries created`);
      expect(errors).toEqual({});
      expect(wrong).toEqual({ created: 0, lost: 0, updated: 0, deleted: 0, kept: 0 });
      expect(done).toBeGreaterThan(STOPS);
    },
    30_000 + STOPS * (LONGEST_MS + 100),
  );
});
