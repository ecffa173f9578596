/** How the pages are rendered: as GitHub renders them, where links depend on it. */
import type { MarkdownOptions } from 'vitepress';
import { isProgram } from './linked-files.js';

/** What GitHub makes of a heading. */
const slugify = (heading: string) =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

export const MARKDOWN: MarkdownOptions = {
  // Their comments and strings have the contrast that WCAG 2 asks for at AA.
  theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
  anchor: { slugify },
  config(markdown) {
    // The examples of the functions stand at the methods as well.
    const { highlight } = markdown.options;
    const known = new Map<string, string>();
    markdown.options.highlight = (...given) => {
      const key = given.join('\n');
      const html = known.get(key) ?? highlight?.(...given) ?? '';
      known.set(key, html);
      return html;
    };
    const open = markdown.renderer.rules.link_open;
    markdown.renderer.rules.link_open = (tokens, index, ...rest) => {
      const token = tokens[index];
      const href = token?.attrGet('href');
      if (href && isProgram(href)) token?.attrSet('href', `${href}.md`);
      return open?.(tokens, index, ...rest) ?? '';
    };
  },
};
