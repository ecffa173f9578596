/**
 * VitePress 1.6 gives the box of its search the role of a button, and each result, a link, that of an
 * option: a screen reader then says nothing of what is inside. Its keys have names that their role may
 * not have. Here the box is a dialog, the results are a list of links, and the keys are pictures.
 */
import type { Plugin } from 'vitepress';

const CHANGES: readonly (readonly [RegExp, string])[] = [
  [/role="button"\s+:aria-owns=[^>]+?aria-haspopup="listbox"/, 'role="dialog" aria-modal="true"'],
  [/:role="results\?\.length \? 'listbox' : undefined"/, ''],
  [/:aria-selected="[^"]+"\s+role="option"/, ''],
  [/<kbd :aria-label=/g, '<kbd role="img" :aria-label='],
];

export const searchBox: Plugin = {
  name: 'search-box',
  enforce: 'pre',
  transform(code, id) {
    if (!id.endsWith('/VPLocalSearchBox.vue')) return undefined;
    return CHANGES.reduce((text, [pattern, role]) => {
      if (!pattern.test(text))
        throw new Error(`${id} has no ${pattern.source}: mend site/search-box.ts`);
      return text.replace(pattern, role);
    }, code);
  },
};
