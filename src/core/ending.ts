/**
 * How something that is read ended: at its own end, or with an error. The first way counts.
 */
export type End = { readonly error: unknown } | 'complete';

export class Ending {
  private end: End | undefined;

  /** A method: the compiler would take a property for one that does not change meanwhile. */
  hasEnded(): boolean {
    return this.end !== undefined;
  }

  /** Whether it ended with an error that no read has thrown yet. */
  get hasError(): boolean {
    return typeof this.end === 'object';
  }

  get error(): unknown {
    return typeof this.end === 'object' ? this.end.error : undefined;
  }

  set(end: End): void {
    this.end ??= end;
  }

  /** As with generators: the error once, the end from then on. */
  throwError(): void {
    if (typeof this.end !== 'object') return;
    const { error } = this.end;
    this.end = 'complete';
    throw error;
  }
}
