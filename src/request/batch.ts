/**
 * Requests that wait together, one behind the other as the addon takes them:
 * native/wire/request_record.h.
 */
import { codeOf, errorOfFailure } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import type { NativeFailure, NativeRequestSocket } from '../core/native.js';
import { requestTracer } from '../core/trace.js';
import { REQUEST, REQUEST_KINDS } from '../record/layout.js';
import { LITTLE_ENDIAN } from '../record/words.js';
import { Answers } from './answer.js';
import type { Place } from './place.js';
import type { Request, RequestName } from './request.js';

/** A job that has ended. */
export interface Sent {
  /** That ended it before all was sent. */
  readonly failure?: NativeFailure | undefined;
  /** The kernel answered EPERM. */
  readonly refused: boolean;
  /** Settles its callers. */
  readonly settle: () => void;
}

/** The memory of the last batch that was sent: the addon has copied what was in it. */
let spare: ArrayBuffer | undefined;

export class RequestBatch {
  private readonly memory: ArrayBuffer;
  private readonly view: DataView;
  private readonly words: Uint32Array;
  private readonly requests: Request[] = [];
  private used = 0;

  constructor() {
    this.memory = spare ?? new ArrayBuffer(LIMITS.requestBytesInJob);
    spare = undefined;
    this.view = new DataView(this.memory);
    this.words = new Uint32Array(this.memory);
  }

  /** Whether it has room for a request with so many bytes behind its header. */
  fits(bytes: number): boolean {
    return this.used + REQUEST.headerSize + bytes <= this.memory.byteLength;
  }

  /** A place for a request, zeroed, whose records the caller writes at once. It must fit. */
  reserve(name: RequestName, bytes: number): Place {
    const { view, words, used: at } = this;
    const size = REQUEST.headerSize + bytes;
    words.fill(0, at / 4, (at + size) / 4);
    view.setUint32(at + REQUEST.size, size, LITTLE_ENDIAN);
    view.setUint16(at + REQUEST.kind, REQUEST_KINDS[name], LITTLE_ENDIAN);
    this.used += size;
    return { view, words, at };
  }

  /** The request for which the last place was reserved. */
  add<R extends Request>(request: R): R {
    this.requests.push(request);
    return request;
  }

  async send(socket: NativeRequestSocket): Promise<Sent> {
    const began = performance.now();
    const sent = socket.send(this.memory, this.used);
    spare = this.memory;
    if (!(sent instanceof Promise)) {
      const { failure } = sent;
      const settle = () => {
        this.refuse((operation) => errorOfFailure(operation, failure));
      };
      return { refused: false, settle };
    }
    const outcome = await sent;
    const milliseconds = performance.now() - began;
    const answers = new Answers(outcome);
    const settle = () => {
      if (requestTracer.isRead) this.trace(answers, milliseconds);
      for (const [index, request] of this.requests.entries()) request.settle(answers.of(index));
    };
    return { failure: outcome.failure, refused: answers.hasRefusal, settle };
  }

  /** Nothing of it was sent. */
  refuse(errorOf: (operation: string) => Error): void {
    for (const request of this.requests) request.refuse(errorOf(request.operation));
  }

  private trace(answers: Answers, milliseconds: number): void {
    for (const [index, { operation, name }] of this.requests.entries()) {
      const { failure } = answers.of(index);
      const code = failure && { code: codeOf(failure.errno) };
      requestTracer.write({ operation, request: name, milliseconds, ...code });
    }
  }
}
