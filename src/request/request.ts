/**
 * One request: where it is written, and who waits for its answer.
 */
import type { REQUEST_KINDS } from '../record/layout.js';
import type { Answer } from './answer.js';
import type { Place } from './place.js';

export type RequestName = keyof typeof REQUEST_KINDS;

/** What becomes of an answer; what it throws rejects the caller. */
export type Take<T> = (answer: Answer) => T | PromiseLike<T>;

/** A request without its answer. Thousands wait at a time: it holds no more than it needs. */
export class Request<T> implements Place {
  readonly view: DataView;
  readonly words: Uint32Array;
  readonly at: number;
  readonly operation: string;
  readonly name: RequestName;
  readonly promise: Promise<T>;
  private readonly take: Take<T>;
  private resolve!: (value: T | PromiseLike<T>) => void;
  private reject!: (error: unknown) => void;

  constructor(
    { view, words, at }: Place,
    { operation, name, take }: { operation: string; name: RequestName; take: Take<T> },
  ) {
    this.view = view;
    this.words = words;
    this.at = at;
    this.operation = operation;
    this.name = name;
    this.take = take;
    this.promise = new Promise<T>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  settle(answer: Answer): void {
    try {
      this.resolve(this.take(answer));
    } catch (error) {
      this.reject(error);
    }
  }

  /** It was not sent. */
  refuse(error: unknown): void {
    this.reject(error);
  }
}
