/**
 * The search of the site, VitePress's own, which runs in the browser. Functions are written into the
 * pages as text: each stands alone.
 */
import type { DefaultTheme } from 'vitepress';
import { KEYWORDS } from './keywords.js';

export const SEARCH: DefaultTheme.LocalSearchOptions = {
  _render(source, env, markdown) {
    // Words are found in code, too; its colours, which take most of the time, are not needed.
    const { highlight } = markdown.options;
    markdown.options.highlight = null;
    try {
      const html = markdown.render(source, env);
      if (env.frontmatter?.search === false) return '';
      const keywords = KEYWORDS[env.relativePath];
      return keywords === undefined ? html : html.replace('</h1>', `</h1><p>${keywords}</p>`);
    } finally {
      markdown.options.highlight = highlight;
    }
  },
  miniSearch: {
    options: {
      // "delete" finds "Deleting", "timeouts" finds "timeout". Words of every page find nothing.
      processTerm: (term, field) => {
        const word = term.toLowerCase();
        if (/^(?:a|an|and|are|by|can|do|how|i|in|is|it|many|my|of|on|the|to|what|with)$/.test(word))
          return false;
        // A question has no field. To kill or cut a flow is to delete it: that word counts twice.
        if (field === undefined && /^(?:kill|cut)s?$/.test(word)) return [word, 'delet', 'delet'];
        const single = /[^s]s$/.test(word) && word.length > 3 ? word.slice(0, -1) : word;
        return single.replace(/^(.{4,})(?:ing|ed|e)$/, '$1');
      },
    },
    searchOptions: {
      boost: { title: 4, titles: 2, text: 1 },
      fuzzy: (term) => (term.length > 5 ? 0.2 : false),
      prefix: (term) => term.length > 2,
      weights: { fuzzy: 0.2, prefix: 0.4 },
      // A page before its sections, and a guide before the reference, except for a name of the API.
      boostDocument: (id, term, fields) => {
        const { title, titles } = fields as { title: string; titles: readonly string[] };
        const isPage = titles.length === 0;
        // A reader who comes from another tool types its name.
        if (String(id).includes('/docs/migration/')) return isPage ? 1 : 0.4;
        if (!String(id).includes('/docs/api/')) return isPage ? 1.5 : 1;
        const name = title.replace(/\W+$/, '');
        const isName = /[a-z][A-Z]/.test(name) && name.toLowerCase().startsWith(term);
        return isPage && isName ? 1 : 0.2;
      },
    },
  },
};
