/**
 * One request: where it is written, and who waits for its answer.
 */
import type { REQUEST_KINDS } from '../record/layout.js';
import type { Answer } from './answer.js';
import type { Place } from './place.js';

export type RequestName = keyof typeof REQUEST_KINDS;

/** Who waits for an answer. */
export interface Waiter {
  /** `index`: that of the request among those of a call. */
  settle(answer: Answer, index: number): void;
  /** The request was not sent. */
  refuse(error: unknown, index: number): void;
}

/** A request without its answer. Thousands wait at a time: it holds no more than it needs. */
export abstract class Request implements Place {
  readonly view: DataView;
  readonly words: Uint32Array;
  readonly at: number;
  readonly operation: string;
  readonly name: RequestName;

  constructor({ view, words, at }: Place, operation: string, name: RequestName) {
    this.view = view;
    this.words = words;
    this.at = at;
    this.operation = operation;
    this.name = name;
  }

  abstract settle(answer: Answer): void;
  abstract refuse(error: unknown): void;
}

/** One of many of a call, for which a promise each would cost as much as the request. */
export class PostedRequest extends Request {
  private readonly waiter: Waiter;
  private readonly index: number;

  constructor(place: Place, operation: string, name: RequestName, waiter: Waiter, index: number) {
    super(place, operation, name);
    this.waiter = waiter;
    this.index = index;
  }

  settle(answer: Answer): void {
    this.waiter.settle(answer, this.index);
  }

  refuse(error: unknown): void {
    this.waiter.refuse(error, this.index);
  }
}

/** What becomes of an answer; what it throws rejects the caller. */
export type Take<T> = (answer: Answer) => T | PromiseLike<T>;

export class PromisedRequest<T> extends Request {
  readonly promise: Promise<T>;
  private readonly take: Take<T>;
  private resolve!: (value: T | PromiseLike<T>) => void;
  private reject!: (error: unknown) => void;

  constructor(place: Place, operation: string, name: RequestName, take: Take<T>) {
    super(place, operation, name);
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

  refuse(error: unknown): void {
    this.reject(error);
  }
}
