/** The order of the guides, on the site and in the README. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { GUIDES, titleOf } from '../../site/guides.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

describe('the guides', () => {
  it('are each once in the sidebar of the site', () => {
    const pages = readdirSync(`${root}docs`, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md') && !name.startsWith('api/'))
      .map((name) => `docs/${name}`);
    const others = ['CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'];
    const examples = ['examples/README.md', 'examples/dashboard/README.md'];
    expect([...GUIDES].sort()).toEqual([...pages, ...others, ...examples].sort());
  });

  it('have titles of their own', () => {
    expect(new Set(GUIDES.map(titleOf)).size).toBe(GUIDES.length);
  });

  it('have the same order in the README', () => {
    const [, list = ''] = readFileSync(`${root}README.md`, 'utf8').split('## Documentation');
    const [links = ''] = list.split('## License');
    const named = Array.from(links.matchAll(/\]\(([^)#]+\.md)\)/g), ([, page = '']) => page);
    expect(named).toEqual(GUIDES.filter((page) => named.includes(page)));
    expect(named.length).toBeGreaterThan(20);
  });
});
