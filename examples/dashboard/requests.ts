/**
 * Which requests are answered. The page has no passwords: what protects it is that it answers only
 * browsers that were sent to it.
 */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/** Why a request is refused. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
}

export function refusalOf(
  { method, headers }: Pick<IncomingMessage, 'method' | 'headers'>,
  names: ReadonlySet<string>,
): Refusal | undefined {
  if (method !== 'GET' && method !== 'HEAD') {
    return { status: 405, reason: 'only GET and HEAD are answered' };
  }
  // A name of a stranger may lead to this machine, and its pages would then be of one origin with
  // this one (DNS rebinding). An address cannot: a browser that sends one has asked for it.
  const host = hostOf(headers.host);
  if (host === undefined || !(isIP(host) !== 0 || host === 'localhost' || names.has(host))) {
    const reason = `the Host header names "${host ?? ''}": start the dashboard with --name NAME`;
    return { status: 421, reason };
  }
  // A page of another site could read nothing, but it would take the place of a client.
  const site = headers['sec-fetch-site'];
  const isNavigation = headers['sec-fetch-mode'] === 'navigate';
  if (site !== undefined && site !== 'same-origin' && site !== 'none' && !isNavigation) {
    return { status: 403, reason: 'a page of another site has sent this request' };
  }
  return undefined;
}

/** Without port and brackets: a tunnel or a proxy may have another port. */
function hostOf(header: string | undefined): string | undefined {
  const [, address, name] =
    /^(?:\[([\da-f:.]+)\]|([\w.-]+))(?::\d{1,5})?$/i.exec(header ?? '') ?? [];
  return (address ?? name)?.toLowerCase();
}
