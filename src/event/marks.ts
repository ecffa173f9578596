/**
 * Marks in the queue of events, and who waits for them.
 */
interface Waiting {
  readonly mark: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class Marks {
  private readonly waiting: Waiting[] = [];
  /** The last mark that was read. */
  private read = 0;

  /** Resolves when the events before the mark have been processed. */
  wait(mark: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ mark, resolve, reject });
    });
  }

  /** The mark stands behind the events that are being returned. */
  pass(mark: number): void {
    this.read = mark;
  }

  /** Whoever reads asks for more, and so has processed what was returned. */
  processed(): void {
    while ((this.waiting[0]?.mark ?? Number.POSITIVE_INFINITY) <= this.read) {
      this.waiting.shift()?.resolve();
    }
  }

  /** The stream has ended. */
  end(error: unknown): void {
    for (const { reject } of this.waiting.splice(0)) reject(error);
  }
}
