/// <reference lib="dom" />
/** The site as `npm run docs` has built it: its links, and its pages in a browser. */
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { createRequire } from 'node:module';
import { posix } from 'node:path';
import type { AxeResults } from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GUIDES } from '../../site/guides.js';
import { complaintsOf, startBrowser } from '../support/browser.js';
import { describeWithTools } from '../support/requirements.js';
import { readSite, serveSite, sitePaths } from '../support/site.js';

const DESKTOP = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };

const addressOf = (page: string) => `/${page.replace(/\.md$/, '.html')}`;
const guides = GUIDES.map(addressOf);

/** The page that a search must find first. */
const SEARCHES: readonly (readonly [query: string, page: string])[] = [
  ['Kubernetes', '/docs/permissions'],
  ['docker', '/docs/permissions'],
  ['capability', '/docs/permissions'],
  ['permission denied', '/docs/permissions'],
  ['CIDR', '/docs/filters'],
  ['lost', '/docs/events'],
  ['ENOBUFS', '/docs/events'],
  ['table full', '/docs/kernel-side'],
  ['NAT', '/docs/entries'],
  ['timeout', '/docs/timeouts'],
  ['delete', '/docs/writing'],
  ['prometheus', '/docs/metrics'],
  ['musl', '/docs/installing'],
  ['bundle', '/docs/installing'],
  ['listEntries', '/docs/api/conntrack/functions/listEntries'],
  ['who is behind', '/docs/recipes/behind-nat'],
  ['rate', '/docs/recipes/rate-limit'],
  ['migration', '/docs/migration/'],
  ['assured', '/docs/kernel-side'],
  ['kill connections', '/docs/writing'],
  ['bandwidth', '/docs/recipes/top-talkers'],
  ['block ip', '/docs/recipes/rate-limit'],
  ['abuse', '/docs/recipes/'],
  ['container', '/docs/recipes/end-container-flows'],
];

describe('the files of the site', () => {
  const paths = sitePaths();
  const pages = new Map(
    paths.filter((path) => path.endsWith('.html')).map((path) => [path, readSite(path)]),
  );

  it('has a page for each guide', () => {
    expect(guides.filter((page) => !pages.has(page))).toEqual([]);
  });

  it('has what each link leads to', () => {
    const idsOf = (html: string) =>
      new Set(Array.from(html.matchAll(/ id="([^"]*)"/g), ([, id]) => id));
    const ids = new Map(Array.from(pages, ([path, html]) => [path, idsOf(html)]));
    const files = new Set(paths);
    const dead = Array.from(pages)
      .filter(([path]) => path !== '/404.html')
      .flatMap(([from, html]) =>
        Array.from(html.matchAll(/<a [^>]*?href="([^"]*)"/g), ([, href = '']) => href)
          .filter((href) => !/^https?:/.test(href))
          .filter((href) => {
            const [path = '', id = ''] = decodeURI(href).split('#');
            const resolved = path === '' ? from : posix.resolve(posix.dirname(from), path);
            const to = path.endsWith('/') ? posix.join(resolved, 'index.html') : resolved;
            return !files.has(to) || (id !== '' && !ids.get(to)?.has(id));
          })
          .map((href) => `${from}: ${href}`),
      );
    expect(dead).toEqual([]);
  });
});

describeWithTools('chromium')('the site in a browser', () => {
  let browser: Browser;
  let server: Server;
  let origin: string;

  beforeAll(async () => {
    ({ server, origin } = await serveSite());
    browser = await startBrowser();
  });

  afterAll(async () => {
    await browser.close();
    server.close();
  });

  async function withPage(
    options: Parameters<Browser['newContext']>[0],
    use: (page: Page, context: BrowserContext) => Promise<void>,
  ): Promise<void> {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const complaints = complaintsOf(page);
    await use(page, context);
    await context.close();
    expect(complaints).toEqual([]);
  }

  /** Opens the search, and types. */
  async function search(page: Page, query: string): Promise<void> {
    if ((await page.locator('.VPLocalSearchBox').count()) === 0)
      await page.locator('#local-search button').click();
    await page.locator('.search-input').fill(query);
  }

  it('finds the right page first', async () => {
    await withPage({ viewport: DESKTOP }, async (page) => {
      await page.goto(`${origin}/`);
      const found: (readonly [string, string])[] = [];
      for (const [query, expected] of SEARCHES) {
        // The results of the search before stay until those of this one are there.
        await search(page, '');
        await page.locator('.result').first().waitFor({ state: 'detached' });
        await search(page, query);
        const first = page.locator('.result').first();
        const address = new URL((await first.getAttribute('href')) ?? '', origin).pathname;
        found.push([query, address.startsWith(expected) ? expected : address]);
      }
      expect(found).toEqual(SEARCHES);
    });
  });

  it('scrolls on a phone down, and not sideways', async () => {
    // The pages are whole without their programs, and come in a third of the time.
    await withPage({ viewport: PHONE, javaScriptEnabled: false }, async (page) => {
      const wide: string[] = [];
      for (const address of ['/', ...guides]) {
        await page.goto(`${origin}${address}`);
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        if (width > PHONE.width) wide.push(`${address}: ${width}`);
      }
      expect(wide).toEqual([]);
    });
  });

  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

  /** What axe finds against WCAG 2 at A and AA that is serious or critical. */
  async function barriers(page: Page): Promise<string[]> {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() =>
      (globalThis as unknown as { axe: { run(options: object): Promise<AxeResults> } }).axe.run({
        runOnly: ['wcag2a', 'wcag2aa'],
        resultTypes: ['violations'],
      }),
    );
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
  }

  it.each(['light', 'dark'] as const)('has no barrier that axe finds: %s', async (colorScheme) => {
    await withPage({ viewport: DESKTOP, colorScheme, reducedMotion: 'reduce' }, async (page) => {
      const found: { search?: string[]; [address: string]: string[] | undefined } = {};
      for (const address of [
        '/',
        '/docs/events.html',
        '/docs/api/conntrack/functions/listEntries.html',
      ]) {
        await page.goto(`${origin}${address}`);
        found[address] = await barriers(page);
      }
      await search(page, 'timeout');
      await page.locator('.result').first().waitFor();
      found.search = await barriers(page);
      expect(found).toEqual({
        '/': [],
        '/docs/events.html': [],
        '/docs/api/conntrack/functions/listEntries.html': [],
        search: [],
      });
    });
  });
});
