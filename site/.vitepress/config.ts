/**
 * The site: the guides of docs/ and of the repository's root, the programs of examples/, and the
 * reference that typedoc has written to docs/api. Page and file have the same path, so that a link
 * leads to the same place here and on GitHub.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DefaultTheme, defineConfig } from 'vitepress';
import { CHAPTERS, titleOf } from '../guides.js';
import { copyFiles, writePrograms } from '../linked-files.js';
import { MARKDOWN } from '../markdown.js';
import { SEARCH } from '../search.js';
import { searchBox } from '../search-box.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const { version, description } = JSON.parse(read('package.json')) as {
  version: string;
  description: string;
};

const mark = read('site/public/mark.svg');

const linkTo = (page: string) => `/${page.replace(/(?:index)?\.md$/, '')}`;

const guides: DefaultTheme.SidebarItem[] = CHAPTERS.map((chapter) => ({
  text: chapter.title,
  items: chapter.pages.map((page) => ({ text: titleOf(page), link: linkTo(page) })),
}));

interface Node {
  readonly title: string;
  readonly path?: string;
  readonly children?: readonly Node[];
}

/** A module with its functions and classes; its page has the types as well. */
const moduleOf = ({ title, path = '', children = [] }: Node): DefaultTheme.SidebarItem[] => [
  {
    text: path.replace(/\/index\.md$/, ''),
    link: linkTo(`docs/api/${path}`),
    collapsed: title !== 'conntrack',
    items: children
      .filter((kind) => kind.title === 'Functions' || kind.title === 'Classes')
      .flatMap((kind) => kind.children ?? [])
      .map((member) => ({ text: member.title, link: linkTo(`docs/api/${member.path}`) })),
  },
  ...children.filter((child) => child.path?.endsWith('/index.md')).flatMap(moduleOf),
];

const modules = JSON.parse(read('docs/api/navigation.json')) as readonly Node[];

writePrograms(join(root, 'out/pages'));

export default defineConfig({
  title: 'conntrack',
  description,
  lang: 'en-US',
  head: [
    // A data URL is the same wherever the site is put.
    ['link', { rel: 'icon', href: `data:image/svg+xml,${encodeURIComponent(mark)}` }],
    // Two colours of the theme have less contrast than WCAG 2 asks for at AA.
    [
      'style',
      {},
      ':root:root{--vp-code-lang-color:var(--vp-c-text-2)}' +
        ':root:not(.dark){--vp-button-brand-bg:var(--vp-c-brand-2)}',
    ],
  ],
  srcDir: root,
  outDir: join(root, 'out/site'),
  cacheDir: join(root, 'out/site-cache'),
  srcExclude: [
    'README.md',
    '{bench,build,coverage,dist,native,prebuilds,src,test,tools}/**',
    'out/!(pages)/**',
  ],
  rewrites: (page) => page.replace(/^(?:site|out\/pages)\//, ''),
  themeConfig: {
    logo: { src: '/mark.svg', width: 24, height: 24 },
    search: { provider: 'local', options: SEARCH },
    nav: [
      {
        text: 'Guides',
        link: '/docs/getting-started',
        activeMatch: '^/(?!docs/(?:api|recipes)/|$)',
      },
      { text: 'Recipes', link: '/docs/recipes/', activeMatch: '^/docs/recipes/' },
      { text: 'Reference', link: '/docs/api/conntrack/', activeMatch: '^/docs/api/' },
      { text: version, link: '/CHANGELOG' },
    ],
    sidebar: {
      '/': guides,
      '/docs/api/': modules.flatMap(moduleOf),
    },
    outline: [2, 3],
    externalLinkIcon: true,
  },
  markdown: MARKDOWN,
  metaChunk: true,
  buildEnd: ({ outDir }) => {
    copyFiles(outDir);
  },
  vite: {
    publicDir: join(root, 'site/public'),
    plugins: [searchBox],
    build: { chunkSizeWarningLimit: 2000 },
  },
});
