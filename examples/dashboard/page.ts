/**
 * The files of the page, and the policy that keeps it to them: no other script runs, no other style
 * applies, and no text becomes markup.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

export interface PageFile {
  readonly type: string;
  readonly content: Buffer;
}

export interface Page {
  readonly files: ReadonlyMap<string, PageFile>;
  /** The headers of every answer. */
  readonly headers: Readonly<Record<string, string>>;
}

export function readPage(): Page {
  const html = readFileSync(new URL('page.html', import.meta.url));
  return {
    files: new Map([
      ['/', { type: 'text/html; charset=utf-8', content: html }],
      [
        '/uplot.js',
        { type: 'text/javascript; charset=utf-8', content: plots('uPlot.iife.min.js') },
      ],
      ['/uplot.css', { type: 'text/css; charset=utf-8', content: plots('uPlot.min.css') }],
    ]),
    headers: {
      'Content-Security-Policy': policyOf(html.toString()),
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Resource-Policy': 'same-origin',
      'Cache-Control': 'no-store',
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
      'X-Frame-Options': 'DENY',
    },
  };
}

/** uPlot, of https://github.com/leeoniya/uPlot: `npm install uplot`. */
function plots(name: string): Buffer {
  return readFileSync(createRequire(import.meta.url).resolve(`uplot/dist/${name}`));
}

function policyOf(html: string): string {
  const [, style = ''] = /<style>(.*?)<\/style>/s.exec(html) ?? [];
  const [, script = ''] = /<script type="module">(.*?)<\/script>/s.exec(html) ?? [];
  return [
    "default-src 'none'",
    `script-src 'self' ${hashOf(script)}`,
    `style-src 'self' ${hashOf(style)}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
}

const hashOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
