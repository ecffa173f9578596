/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * Debian's Chromium, and what a page in it must not have.
 */
import type { Browser, Page } from 'playwright-core';

/** Without a sandbox, which needs rights that a container may lack; it talks to nobody. */
const ARGUMENTS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

export async function startBrowser(): Promise<Browser> {
  // The tests of this file are skipped where it is not installed.
  const { chromium } = await import('playwright-core');
  // A sanitizer of the addon would be loaded into the browser, too.
  const { LD_PRELOAD: _, ...environment } = process.env;
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ARGUMENTS,
    env: environment,
  });
}

/** What the page has complained of: errors, warnings, and what its policy has forbidden. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() !== 'log') complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  return complaints;
}

/** The texts whose contrast is less than WCAG 2 asks for at AA, with the ratio. */
export async function faintTexts(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const parse = (color: string) => (color.match(/[\d.]+/g) ?? []).map(Number);
    const luminance = (color: string) => {
      const [red = 0, green = 0, blue = 0] = parse(color).map((value) => {
        const share = value / 255;
        return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const ratio = (one: string, other: string) => {
      const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
      return (high + 0.05) / (low + 0.05);
    };
    /** Behind an element: a plain color, and those of a gradient. */
    const behind = (element: Element | null): string[] => {
      if (element === null) return ['rgb(255, 255, 255)'];
      const { backgroundColor, backgroundImage } = getComputedStyle(element);
      const colors = backgroundImage.match(/rgb\([^)]*\)/g) ?? [];
      if (parse(backgroundColor)[3] !== 0) return [backgroundColor, ...colors];
      return [...colors, ...behind(element.parentElement)];
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const faint: string[] = [];
    while (walker.nextNode()) {
      const text = walker.currentNode.textContent?.trim() ?? '';
      const element = walker.currentNode.parentElement;
      if (text === '' || element === null || !element.checkVisibility()) continue;
      if (element.closest('script, style, noscript') !== null) continue;
      const { color, fontSize, fontWeight } = getComputedStyle(element);
      const size = Number.parseFloat(fontSize);
      const isLarge = size >= 24 || (size >= 18.66 && Number(fontWeight) >= 700);
      const least = Math.min(...behind(element).map((other) => ratio(color, other)));
      if (least < (isLarge ? 3 : 4.5)) faint.push(`${text}: ${least.toFixed(2)}`);
    }
    return faint;
  });
}
