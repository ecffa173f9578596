/**
 * Who gets what from the server of examples/dashboard, and that nobody makes its memory grow.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { refusalOf } from '../../examples/dashboard/requests.js';
import { Dashboard, MOST_PAGES } from '../../examples/dashboard/server.js';
import { PlayedTable } from '../support/played-dashboard.js';

const MIB = 2 ** 20;
const page = readFileSync(new URL('../../examples/dashboard/page.html', import.meta.url), 'utf8');

let dashboard: Dashboard | undefined;
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await dashboard?.close();
});

async function serve(table = new PlayedTable(), intervalMs = 5): Promise<number> {
  dashboard = new Dashboard({ table, title: 'here', intervalMs, names: ['Flows.Example.Net'] });
  dashboard.server.listen(0, '127.0.0.1');
  await once(dashboard.server, 'listening');
  return (dashboard.server.address() as AddressInfo).port;
}

async function ask(
  port: number,
  path = '/',
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<IncomingMessage> {
  const asking = request({ host: '127.0.0.1', port, path, method, headers });
  asking.on('socket', (socket) => sockets.push(socket));
  asking.end();
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  // The server may end first.
  response.on('error', () => undefined);
  return response;
}

const statusOf = async (...args: Parameters<typeof ask>) => {
  const response = await ask(...args);
  response.destroy();
  return response.statusCode;
};

/** The events that a page gets, as they come. */
async function* eventsOf(stream: Readable) {
  let left = '';
  for await (const chunk of stream.setEncoding('utf8')) {
    const texts = `${left}${String(chunk)}`.split('\n\n');
    left = texts.pop() ?? '';
    for (const text of texts) {
      const [, name, data] = /event: (\w+)\ndata: (.*)$/s.exec(text) ?? [];
      if (name !== undefined)
        yield { name, data: JSON.parse(data ?? '') as Record<string, unknown> };
    }
  }
}

describe('the server of the dashboard', () => {
  it('serves the page under a policy that allows nothing but its own scripts and style', async () => {
    const response = await ask(await serve());
    expect(response.statusCode).toBe(200);
    expect(await text(response)).toBe(page);
    const { headers } = response;
    const policy = String(headers['content-security-policy']).split('; ');
    const hash = (pattern: RegExp) =>
      createHash('sha256')
        .update(pattern.exec(page)?.[1] ?? '')
        .digest('base64');
    expect(policy).toEqual([
      "default-src 'none'",
      `script-src 'self' 'sha256-${hash(/<script type="module">(.*?)<\/script>/s)}'`,
      `style-src 'self' 'sha256-${hash(/<style>(.*?)<\/style>/s)}'`,
      "connect-src 'self'",
      'img-src data:',
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ]);
    expect(headers).toMatchObject({
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    });
    expect(headers).not.toHaveProperty('access-control-allow-origin');
  });

  it('answers no path but those of the page, and no method but GET and HEAD', async () => {
    const port = await serve();
    expect(await statusOf(port, '/uplot.js')).toBe(200);
    expect(await statusOf(port, '/uplot.css?1')).toBe(200);
    for (const path of ['/page.html', '/..', '//', '/../package.json', '/%2e%2e/', '/events/']) {
      expect(await statusOf(port, path), path).toBe(404);
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      expect(await statusOf(port, '/', {}, method), method).toBe(405);
    }
    expect(await statusOf(port, '/', {}, 'HEAD')).toBe(200);
    expect(await statusOf(port, '/events', {}, 'HEAD')).toBe(200);
  });

  it.each([
    ['127.0.0.1', 200],
    ['127.0.0.1:9466', 200],
    ['[::1]:80', 200],
    ['192.0.2.7', 200],
    ['localhost:1', 200],
    ['flows.example.net', 200],
    ['FLOWS.example.net:443', 200],
    ['evil.example', 421],
    ['127.0.0.1.evil.example', 421],
    ['localhost.evil.example', 421],
    ['flows.example.net.evil.example', 421],
    ['[::1].evil.example', 421],
    ['127.0.0.1@evil.example', 421],
    ['127.0.0.1:80:80', 421],
  ])('for the host "%s" answers %i: no name of a stranger leads to it', async (host, status) => {
    const port = await serve();
    expect(await statusOf(port, '/', { host })).toBe(status);
    expect(await statusOf(port, '/events', { host })).toBe(status);
  });

  it('answers no request without a host', () => {
    expect(refusalOf({ method: 'GET', headers: {} }, new Set())).toMatchObject({ status: 421 });
  });

  it.each([
    ['/events', { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' }, 200],
    ['/events', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' }, 403],
    ['/events', { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors' }, 403],
    ['/uplot.js', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }, 403],
    ['/', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }, 200],
    ['/', { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' }, 200],
  ])('for %s by a page of %o answers %i', async (path, headers, status) => {
    expect(await statusOf(await serve(), path, headers)).toBe(status);
  });

  it('sends everything at first, and then each moment', async () => {
    const table = new PlayedTable();
    table.entries = 42;
    table.findings = [
      { code: 'table-near-full', severity: 'critical', message: 'a\nb\r\nc\u2028d', evidence: {} },
    ];
    const response = await ask(await serve(table), '/events');
    expect(response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'x-accel-buffering': 'no',
      'cache-control': 'no-store',
    });
    const events = eventsOf(response);
    const { value: first } = await events.next();
    expect(first?.name).toBe('whole');
    expect(first?.data).toMatchObject({
      about: { title: 'here', intervalMs: 5, kept: 1800, elevatedAt: 0.7, criticalAt: 0.85 },
      flows: { time: [], began: [], ended: [] },
    });
    for await (const { name, data } of events) {
      expect(name).toBe('moment');
      const { pressure, diagnosis } = data as { pressure: unknown; diagnosis: unknown };
      expect(pressure).toMatchObject({ value: { entries: 42 } });
      if (diagnosis === null) continue;
      expect(diagnosis).toMatchObject({ value: { findings: table.findings } });
      break;
    }
  });

  it(`has ${MOST_PAGES} pages open at most, and takes another one when one has gone`, async () => {
    const port = await serve();
    const pages: IncomingMessage[] = [];
    for (let page = 0; page < MOST_PAGES; page++) pages.push(await ask(port, '/events'));
    const refused = await ask(port, '/events');
    expect(refused.statusCode).toBe(503);
    expect(await text(refused)).toBe(`${MOST_PAGES} pages are open already\n`);
    expect(await statusOf(port)).toBe(200);
    pages[0]?.destroy();
    for (;;) {
      const response = await ask(port, '/events');
      if (response.statusCode === 200) break;
      response.resume();
      await once(response, 'end');
    }
  });

  it('keeps two events at most for a page that reads nothing, and then sends everything', async () => {
    const table = new PlayedTable();
    // A moment has a quarter of a megabyte.
    const message = 'x'.repeat(MIB / 4);
    table.findings = [{ code: 'long-chains', severity: 'warning', message, evidence: {} }];
    const port = await serve(table, 1);
    const accepted = once(dashboard?.server ?? process, 'connection') as Promise<[Socket]>;
    const slow = connect(port, '127.0.0.1');
    sockets.push(slow);
    slow.pause();
    slow.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const [served] = await accepted;
    const fast = await ask(port, '/events');
    let most = 0;
    let moments = 0;
    for await (const { data } of eventsOf(fast)) {
      most = Math.max(most, served.writableLength);
      // The buffers of the kernel are full long before the end of these 50 MiB.
      if ((data as { diagnosis: unknown }).diagnosis !== null && ++moments === 200) break;
    }
    expect(served.writableLength).toBeGreaterThan(0);
    expect(most).toBeLessThan(MIB);

    const names: string[] = [];
    for await (const { name } of eventsOf(slow)) {
      names.push(name);
      // Those from before it was full, everything, and the next moments.
      if (names.lastIndexOf('whole') > 0 && names.at(-1) === 'moment') break;
    }
    expect(names.length).toBeLessThan(100);
  });

  it('ends its pages, and itself, when it closes', async () => {
    const response = await ask(await serve(), '/events');
    const ended = new Promise((resolve) => response.once('close', resolve));
    response.resume();
    await dashboard?.close();
    await ended;
    expect(dashboard?.server.listening).toBe(false);
  });
});
