/**
 * Runs one examination of the doctor, and turns its error into a line of the report.
 */
import { ConntrackError } from '../../index.js';

export interface Failed {
  readonly works: false;
  readonly code: string;
  readonly message: string;
}

export type Attempt<T> = { readonly works: true; readonly value: T } | Failed;

export async function attempt<T>(act: () => T | Promise<T>): Promise<Attempt<T>> {
  try {
    return { works: true, value: await act() };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const { code = error.name } = error as NodeJS.ErrnoException;
    const prefix = error instanceof ConntrackError ? `${error.operation}: ` : '';
    const [first = ''] = error.message.split('\n');
    return { works: false, code, message: first.replace(prefix, '') };
  }
}

/** `undefined` of what failed. */
export const resultOf = <T>(attempt: Attempt<T>): T | undefined =>
  attempt.works ? attempt.value : undefined;
