/**
 * Requests that wait together, one behind the other as the addon takes them:
 * native/wire/request_record.h.
 */
import { codeOf } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import type { NativeFailure, NativeRequestSocket } from '../core/native.js';
import { requestTracer } from '../core/trace.js';
import { REQUEST, REQUEST_KINDS } from '../record/layout.js';
import { LITTLE_ENDIAN } from '../record/words.js';
import { Answers } from './answer.js';
import type { Place } from './place.js';

export type RequestName = keyof typeof REQUEST_KINDS;

/** A job that has ended. */
export interface Sent {
  /** That ended it before all was sent. */
  readonly failure?: NativeFailure | undefined;
  /** The kernel answered EPERM. */
  readonly refused: boolean;
  /** Settles its callers. */
  readonly settle: () => void;
}

/** Settles one caller. */
interface Caller {
  readonly operation: string;
  readonly name: RequestName;
  readonly take: (answers: Answers, index: number) => void;
  readonly refuse: (error: unknown) => void;
}

/** The memory of the last batch that was sent: the addon has copied what was in it. */
let spare: ArrayBuffer | undefined;

export class RequestBatch {
  private readonly memory: ArrayBuffer;
  private readonly view: DataView;
  private readonly words: Uint32Array;
  private readonly callers: Caller[] = [];
  private used = 0;

  constructor() {
    this.memory = spare ?? new ArrayBuffer(LIMITS.requestBytesUnderWay);
    spare = undefined;
    this.view = new DataView(this.memory);
    this.words = new Uint32Array(this.memory);
  }

  /** Whether it has room for a request with so many bytes behind its header. */
  fits(bytes: number): boolean {
    return this.used + REQUEST.headerSize + bytes <= this.memory.byteLength;
  }

  /** A request, zeroed, whose records the caller writes at once. It must fit. */
  add(bytes: number, caller: Caller): Place {
    const at = this.used;
    const size = REQUEST.headerSize + bytes;
    this.words.fill(0, at / 4, (at + size) / 4);
    this.view.setUint32(at + REQUEST.size, size, LITTLE_ENDIAN);
    this.view.setUint16(at + REQUEST.kind, REQUEST_KINDS[caller.name], LITTLE_ENDIAN);
    this.callers.push(caller);
    this.used += size;
    return { view: this.view, words: this.words, at };
  }

  async send(socket: NativeRequestSocket): Promise<Sent> {
    const began = performance.now();
    const sent = socket.send(this.memory, this.used);
    spare = this.memory;
    const outcome = await sent;
    const milliseconds = performance.now() - began;
    const answers = new Answers(outcome);
    const settle = () => {
      if (requestTracer.isRead) this.trace(answers, milliseconds);
      for (const [index, caller] of this.callers.entries()) caller.take(answers, index);
    };
    return { failure: outcome.failure, refused: answers.hasRefusal, settle };
  }

  /** Nothing of it was sent. */
  refuse(errorOf: (operation: string) => unknown): void {
    for (const { operation, refuse } of this.callers) refuse(errorOf(operation));
  }

  private trace(answers: Answers, milliseconds: number): void {
    for (const [index, { operation, name }] of this.callers.entries()) {
      const { failure } = answers.of(index);
      const code = failure && { code: codeOf(failure.errno) };
      requestTracer.write({ operation, request: name, milliseconds, ...code });
    }
  }
}
