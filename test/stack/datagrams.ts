/** The requests of one datagram, and their answers. */
import {
  ackMessage,
  CTNETLINK,
  type EntryDescription,
  entryMessage,
  type Message,
  NLM_F,
} from '../support/message-builder.js';
import type { KernelSocket } from '../support/scripted-kernel.js';

export interface Request {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly family: number;
  readonly version: number;
  readonly bytes: Buffer;
}

function requestsOf(datagram: Buffer): Request[] {
  const requests: Request[] = [];
  for (let at = 0; at < datagram.length; ) {
    const words = new Uint32Array(
      datagram.buffer.slice(datagram.byteOffset + at, datagram.byteOffset + at + 16),
    );
    const [length = 0, typeAndFlags = 0, sequence = 0] = words;
    const bytes = datagram.subarray(at, at + length);
    const [type, flags] = [typeAndFlags & 0xffff, typeAndFlags >>> 16];
    requests.push({
      type,
      flags,
      sequence,
      family: bytes[16] ?? 0,
      version: bytes[17] ?? 0,
      bytes,
    });
    at += length;
  }
  return requests;
}

export async function nextRequests(socket: KernelSocket): Promise<Request[]> {
  return requestsOf(await socket.request());
}

export const to = ({ sequence }: Request, message: Message): Message => ({ ...message, sequence });

/** What the kernel sends of a request that it grants: an ack where it is asked for one. */
export function granted(request: Request, entry?: EntryDescription): Message[] {
  if (request.flags & NLM_F.ack) return [to(request, ackMessage())];
  return request.type === CTNETLINK.get && entry ? [to(request, entryMessage(entry))] : [];
}
