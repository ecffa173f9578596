/**
 * Words that people type into the search, by the page that answers them in other words. The page
 * itself does not show them.
 */
export const KEYWORDS: Readonly<Record<string, string>> = {
  'docs/writing.md':
    'Deleting an entry, to kill, close, cut or end connections. Kill a connection.',
  'docs/recipes/top-talkers.md': 'who uses the bandwidth, traffic by address, bytes per source',
  'docs/recipes/rate-limit.md': 'block or ban an IP address, too many connections, flood',
  'docs/recipes/behind-nat.md': 'abuse report, which host had a port',
};
