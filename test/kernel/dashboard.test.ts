/**
 * The page of examples/dashboard in a browser: with the table of a namespace, and with played ones.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { countEntries, createEntries, diagnose, listEntries, readPressure } from 'conntrack';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it, onTestFinished } from 'vitest';
import { Dashboard } from '../../examples/dashboard/server.js';
import { complaintsOf, faintTexts, startBrowser } from '../support/browser.js';
import { runNode } from '../support/child.js';
import { setting } from '../support/namespace.js';
import { PlayedTable } from '../support/played-dashboard.js';
import { describeInNamespace } from '../support/requirements.js';

const program = fileURLToPath(new URL('../../out/examples/dashboard/main.js', import.meta.url));

const DESKTOP = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };
const SMALLEST = { width: 360, height: 740 };
const LOOKS = [DESKTOP, PHONE].flatMap((size) =>
  (['light', 'dark'] as const).map((colorScheme) => ({ size, colorScheme })),
);

const grouped = (value: number) => value.toLocaleString('en-US');

/** Waits until the page shows this. */
async function shows(page: Page, expected: Readonly<Record<string, string>>): Promise<void> {
  const ids = Object.keys(expected);
  const shown = () =>
    page.evaluate(
      (names) => names.map((id) => [id, document.getElementById(id)?.textContent]),
      ids,
    );
  await expect
    .poll(async () => Object.fromEntries(await shown()) as unknown, { timeout: 20_000 })
    .toEqual(expected);
}

const stateIs = (page: Page, state: 'live' | 'stale') =>
  page.waitForSelector(`body[data-state="${state}"]`, { timeout: 20_000 });

/** The rows of a table that are not there to keep its height. */
const rowsOf = (page: Page, id: string) =>
  page
    .locator(`#${id} tr:not(.blank)`)
    .evaluateAll((rows) =>
      rows.map((row) => Array.from((row as HTMLTableRowElement).cells, (cell) => cell.textContent)),
    );

const listOf = (page: Page, id: string) =>
  page
    .locator(`#${id} li`)
    .evaluateAll((items) =>
      items.map((item) => [
        item.querySelector('.badge')?.textContent,
        item.querySelector('p')?.textContent,
        item.querySelector('code')?.textContent,
      ]),
    );

/** Nothing stands beside the screen. */
const isNarrow = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);

describeInNamespace('chromium')('the dashboard in a browser', () => {
  let browser: Browser;
  const open: Dashboard[] = [];

  beforeAll(async () => {
    browser = await startBrowser();
  });

  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    for (const dashboard of open.splice(0)) await dashboard.close();
  });

  afterAll(async () => {
    await browser.close();
  });

  async function serve(table: PlayedTable, port = 0, intervalMs = 150): Promise<string> {
    const dashboard = new Dashboard({ table, title: 'gateway <b>', intervalMs });
    open.push(dashboard);
    dashboard.server.listen(port, '127.0.0.1');
    await once(dashboard.server, 'listening');
    return `http://127.0.0.1:${(dashboard.server.address() as AddressInfo).port}/`;
  }

  it('shows what the library reads, on each width and in each theme', async () => {
    setting('acct', 1);
    const states = ['ESTABLISHED', 'SYN_SENT', 'TIME_WAIT'] as const;
    const results = await createEntries(
      Array.from({ length: 300 }, (_, index) => ({
        original: {
          source: index % 5 === 0 ? `2001:db8::${(index % 3) + 1}` : `10.0.0.${index % 13}`,
          destination: index % 5 === 0 ? '2001:db8::ff' : '10.9.9.9',
          sourcePort: 1024 + index,
          destinationPort: 443,
        },
        timeout: 100_000,
        ...(index % 4 === 0
          ? { protocol: 'udp' as const }
          : { protocol: 'tcp' as const, tcp: { state: states[index % 3] ?? 'ESTABLISHED' } }),
      })),
    );
    expect(results.filter(({ error }) => error !== undefined)).toEqual([]);

    const child = spawn(process.execPath, [program, '--port', '0', '--interval-ms', '200'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = once(child, 'close');
    const complained = text(child.stderr);
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const { value: url } = (await lines.next()) as { value: string };
    expect((await lines.next()).value).toMatch(/^Only this machine can open it: .* no password\.$/);

    const page = await browser.newPage({ viewport: DESKTOP });
    const complaints = complaintsOf(page);
    const requested: string[] = [];
    page.on('request', (request) => requested.push(request.url()));
    await page.goto(url);
    for (const { size, colorScheme } of LOOKS) {
      await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme });
      const { entries, maxEntries, utilization, level, dropped, earlyDropped, insertFailed } =
        await readPressure();
      const total = (counter: { total: number } | undefined) => `${counter?.total} in all`;
      await shows(page, {
        entries: grouped(entries),
        limit: grouped(maxEntries),
        utilization: `${(Math.floor(utilization * 1000) / 10).toFixed(1)} %`,
        level,
        growth: '0',
        until: '',
        dropped: '0',
        'dropped-total': total(dropped),
        evicted: '0',
        'evicted-total': total(earlyDropped),
        failed: '0',
        'failed-total': total(insertFailed),
        flows: grouped(await countEntries()),
        began: '0',
        ended: '0',
        traffic: '0',
        'traffic-note': '0 packets/s',
      });
      expect(entries).toBe(300);

      const list = await listEntries();
      const countBy = (nameOf: (entry: (typeof list)[number]) => string) => {
        const counts = new Map<string, number>();
        for (const entry of list) counts.set(nameOf(entry), (counts.get(nameOf(entry)) ?? 0) + 1);
        return [...counts].map(([name, count]) => [name, grouped(count)]).sort();
      };
      const stateOf = ({ protocol, tcp, status }: (typeof list)[number]) =>
        `${protocol} ${tcp?.state ?? (status.seenReply ? 'replied' : 'unreplied')}`;
      expect((await rowsOf(page, 'states')).sort()).toEqual(countBy(stateOf));

      await page.getByRole('radio', { name: 'flows' }).check();
      const sources = new Map(countBy(({ original }) => original.source) as [string, string][]);
      const most = [...sources.values()].map(Number).sort((one, other) => other - one);
      const talkers = await rowsOf(page, 'talkers');
      expect(talkers.map(([, , , flows]) => Number(flows))).toEqual(most.slice(0, 10));
      for (const [source = '', bytes, packets, flows] of talkers) {
        expect([source, bytes, packets, flows]).toEqual([
          source,
          '0 B/s',
          '0',
          sources.get(source),
        ]);
      }
      await page.getByRole('radio', { name: 'rate' }).check();

      const findings = await diagnose();
      const expected = (isHint: boolean) =>
        findings
          .filter(({ severity }) => (severity === 'info') === isHint)
          .map(({ severity, message, setting: name, suggested }) => [
            severity,
            message,
            suggested === undefined ? undefined : `sysctl -w ${name}=${suggested}`,
          ]);
      const urgent = expected(false);
      expect(await listOf(page, 'hints')).toEqual(expected(true));
      if (urgent.length > 0) expect(await listOf(page, 'findings')).toEqual(urgent);
      else expect(await page.locator('#findings').textContent()).toBe('Nothing is wrong.');

      expect(await isNarrow(page)).toBe(true);
      expect(await faintTexts(page)).toEqual([]);
    }
    expect(complaints).toEqual([]);
    expect(requested.filter((address) => !address.startsWith(url))).toEqual([]);

    child.kill('SIGINT');
    expect(await ended).toEqual([0, null]);
    expect(await complained).toBe('');
  });

  it('listens on loopback unless it is asked for more, and says what is wrong', async () => {
    const wrong = (...args: string[]) => runNode([program, ...args]);
    for (const args of [['--port', 'x'], ['--interval-ms', '1'], ['--nothing']]) {
      const { code, stdout, stderr } = await wrong(...args);
      expect({ code, stdout }, args.join(' ')).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(/\nusage: main\.js /);
    }
    expect(await wrong('--netns', 'nowhere')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/nowhere/) as string,
    });
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect(await wrong('--port', String(port))).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/EADDRINUSE/) as string,
    });
    server.close();

    const child = spawn(process.execPath, [program, '--port', '0', '--host', '0.0.0.0'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = once(child, 'close');
    const [warning] = (await once(child.stderr.setEncoding('utf8'), 'data')) as [string];
    expect(warning).toBe(
      'Whoever reaches this address sees who talks to whom: the page asks for no password.\n',
    );
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });

  it('shows a full table, what is lost, and texts as texts', async () => {
    const table = new PlayedTable();
    const markup = '<img src=x onerror=alert(1)>';
    table.entries = 999;
    table.maxEntries = 1000;
    table.dropped = { total: 1_234_567, perSecond: 41.6 };
    table.findings = [
      {
        code: 'table-near-full',
        severity: 'critical',
        message: `999 of 1000 ${markup}`,
        evidence: {},
        setting: 'net.netfilter.nf_conntrack_max',
        current: 1000,
        suggested: 2000,
      },
      { code: 'timestamps-off', severity: 'info', message: 'no times', evidence: {} },
    ];
    const source = '2001:db8:1234:5678:9abc:def0:1234:5678';
    table.flows = [
      { source, port: 1, state: 'ESTABLISHED', bytes: 0 },
      { source: markup, port: 2, state: 'SYN_SENT', bytes: 0 },
    ];
    const page = await browser.newPage({ viewport: SMALLEST, colorScheme: 'dark' });
    const complaints = complaintsOf(page);
    await page.goto(await serve(table));
    await shows(page, {
      title: 'gateway <b>',
      utilization: '99.9 %',
      level: 'critical',
      dropped: '42',
      'dropped-total': '1,234,567 in all',
      // The kernel counts none, and the first sample has no rate.
      failed: '-',
      'failed-total': 'not counted',
      evicted: '-',
      traffic: '0',
    });
    expect(await page.title()).toBe('99.9 % critical · gateway <b>');
    expect(await page.locator('#meter').getAttribute('aria-valuetext')).toBe('99.9 %, critical');
    expect(await rowsOf(page, 'talkers')).toEqual([
      [source, '0 B/s', '0', '1'],
      [markup, '0 B/s', '0', '1'],
    ]);
    expect(await listOf(page, 'findings')).toEqual([
      ['critical', `999 of 1000 ${markup}`, 'sysctl -w net.netfilter.nf_conntrack_max=2000'],
    ]);
    expect(await page.locator('#plot-entries').getAttribute('aria-label')).toBe(
      'entries: 999, at most 999; limit: 1,000, at most 1,000; ' +
        '0.85: 850, at most 850; 0.70: 700, at most 700',
    );
    expect(await isNarrow(page)).toBe(true);
    expect(await faintTexts(page)).toEqual([]);
    expect(complaints).toEqual([]);
    const inserted = page.evaluate((html) => {
      document.body.innerHTML = html;
    }, markup);
    await expect(inserted).rejects.toThrow(/TrustedHTML/);
  });

  it('shows "-" for what is not known, and why', async () => {
    const table = new PlayedTable();
    table.maxEntries = 0;
    table.flows = [
      { source: '10.0.0.1', port: 1 },
      { source: '10.0.0.1', port: 2 },
      { source: '10.0.0.2', port: 3 },
    ];
    const page = await browser.newPage({ viewport: PHONE });
    const complaints = complaintsOf(page);
    await page.goto(await serve(table));
    await shows(page, {
      utilization: '-',
      level: 'no limit',
      limit: 'no limit',
      flows: '3',
      traffic: '-',
      'traffic-note': 'accounting is off',
      findings: 'Nothing is wrong.',
      'talkers-note': '3 of 3 flows have no counters: accounting was off when they began.',
    });
    expect(await rowsOf(page, 'talkers')).toEqual([
      ['10.0.0.1', '-', '-', '2'],
      ['10.0.0.2', '-', '-', '1'],
    ]);

    table.failures = {
      pressure: new Error('readPressure: not loaded'),
      table: new Error('streamEntries: not permitted'),
      diagnosis: new Error('streamEntries: not permitted'),
    };
    await page.reload();
    const unknown = [
      'entries',
      'limit',
      'utilization',
      'growth',
      'dropped',
      'flows',
      'began',
      'ended',
    ];
    await shows(page, {
      ...Object.fromEntries(unknown.map((id) => [id, '-'])),
      'began-note': 'the table cannot be read',
    });
    expect(await rowsOf(page, 'talkers')).toEqual([['-', '-', '-', '-']]);
    expect(await rowsOf(page, 'states')).toEqual([['-', '-']]);
    expect(await listOf(page, 'findings')).toEqual([
      ['critical', 'readPressure: not loaded', undefined],
      ['warning', 'streamEntries: not permitted', undefined],
    ]);
    expect(complaints).toEqual([]);
  });

  it('is stale when the server stops or falls silent, and then catches up', async () => {
    const table = new PlayedTable();
    table.entries = 7;
    const url = await serve(table);
    const page = await browser.newPage({ viewport: PHONE });
    const complaints = complaintsOf(page);
    await page.goto(url);
    await stateIs(page, 'live');
    expect(await page.locator('#connection').textContent()).toMatch(/^Live \d\d:\d\d:\d\d$/);
    expect(complaints).toEqual([]);

    // The end of the connection makes it stale, not the silence that follows.
    await page.evaluate(() => {
      const time = Date.now();
      Date.now = () => time;
    });
    await open.pop()?.close();
    await stateIs(page, 'stale');
    expect(await page.locator('#connection').textContent()).toMatch(
      /^Stale since \d\d:\d\d:\d\d, reconnecting$/,
    );
    expect(await page.title()).toBe('stale · gateway <b>');
    expect(await page.locator('#entries').textContent()).toBe('7');
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await faintTexts(page)).toEqual([]);
    }

    table.entries = 8;
    await serve(table, Number(new URL(url).port));
    await stateIs(page, 'live');
    await shows(page, { entries: '8' });

    // Nothing comes any more, and the connection stays.
    const obstacle = new AbortController();
    onTestFinished(() => {
      obstacle.abort();
    });
    table.obstacle = once(obstacle.signal, 'abort');
    await page.evaluate(() => {
      const { now } = Date;
      Date.now = () => now() + 7000;
    });
    await stateIs(page, 'stale');
    obstacle.abort();
    await stateIs(page, 'live');
  });

  it('is used with the keyboard alone', async () => {
    const table = new PlayedTable();
    table.findings = [
      { code: 'timestamps-off', severity: 'info', message: 'no times', evidence: {} },
    ];
    const page = await browser.newPage({ viewport: PHONE });
    await page.goto(await serve(table));
    await shows(page, { 'more-title': '1 hint' });
    const focused = () =>
      page.evaluate(() => {
        const { activeElement } = document;
        return activeElement instanceof HTMLInputElement
          ? `${activeElement.name} ${activeElement.value}`
          : activeElement?.id;
      });
    const seen: (string | undefined)[] = [];
    for (let step = 0; step < 4; step++) {
      await page.keyboard.press('Tab');
      seen.push(await focused());
    }
    expect(seen).toEqual(['more-title', 'range 900', 'scale limit', 'order byRate']);
    await page.keyboard.press('ArrowRight');
    expect(await focused()).toBe('order byFlows');
    expect(await page.getByRole('radio', { name: 'flows' }).isChecked()).toBe(true);
    await page.locator('#more-title').focus();
    await page.keyboard.press('Enter');
    expect(await page.locator('#hints').isVisible()).toBe(true);
  });
});
