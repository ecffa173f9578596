/**
 * Whether a file belongs to this package, and so is two folders below its root; a bundle of somebody
 * else has the same code. tools/bundle-cli.mjs replaces this module in the bundle that the package ships.
 */
export const isOwnFile = (url: string): boolean => /\/core\/load-addon\.[jt]s$/.test(url);
