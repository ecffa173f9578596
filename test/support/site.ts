/** The built site of out/site, served as any web server of files does. */
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../out/site/', import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.woff2': 'font/woff2',
};

/** The paths of all files. */
export function sitePaths(): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => `/${path}`);
}

export const readSite = (path: string) => readFileSync(join(folder, path), 'utf8');

export async function serveSite(): Promise<{ server: Server; origin: string }> {
  const files = new Set(sitePaths());
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').replace(/[?#].*/, '').replace(/\/$/, '/index.html');
    const found = files.has(path);
    response.writeHead(found ? 200 : 404, { 'content-type': TYPES[extname(path)] ?? 'text/plain' });
    response.end(found ? readFileSync(join(folder, path)) : 'not found');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
