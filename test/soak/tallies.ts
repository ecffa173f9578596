/**
 * What the activities did, for the samples and for the verdict.
 */
const FAILURES_KEPT = 50;

export class Tallies {
  requests = 0;
  turns: Record<string, number> = {};
  /** Errors by code, also those that an activity provokes. */
  errors: Record<string, number> = {};
  /** What should not have happened. */
  readonly failures: string[] = [];
  failed = 0;

  fail(what: string): void {
    this.failed++;
    if (this.failures.length === FAILURES_KEPT) return;
    this.failures.push(what);
    console.error(what);
  }

  /** Fails unless it holds. */
  expect(holds: boolean, what: string): void {
    if (!holds) this.fail(what);
  }

  turned(activity: string): void {
    this.turns[activity] = (this.turns[activity] ?? 0) + 1;
  }

  /** Counts requests; their errors must have one of the codes, and give `undefined`. */
  async refusable<T>(promise: Promise<T>, codes: readonly string[]): Promise<T | undefined> {
    this.requests++;
    try {
      return await promise;
    } catch (error) {
      const code = codeOf(error);
      this.errors[code] = (this.errors[code] ?? 0) + 1;
      if (!codes.includes(code)) throw error;
      return undefined;
    }
  }
}

/** The code of a ConntrackError, or the name of what an abort throws. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no error';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
