/**
 * The reports of ThreadSanitizer that are about the addon.
 *
 * Node.js is not instrumented, and its own atomic variables are unknown: places in Node.js against each
 * other are reported, too, also where a call of the addon has led there, such as one that let V8 collect
 * garbage.
 */
export function reportsOfAddon(stderr: string): string[] {
  return stderr
    .split(/^={18,}$/m)
    .filter((report) => report.includes('conntrack.node'))
    .filter((report) => {
      const accesses = accessesOf(report);
      return accesses.length === 0 || !accesses.every(isInNode);
    });
}

/** The stacks of what was read and written; a report of locks has none. */
function accessesOf(report: string): string[] {
  return Array.from(
    report.matchAll(/^ +(?:Previous )?(?:atomic )?(?:read|write) of size .*\n((?: +#\d.*\n)+)/gim),
    ([, stack = '']) => stack,
  );
}

/** Whether the innermost frame is, behind those of libraries, such as the sanitizer's and the C library's. */
function isInNode(stack: string): boolean {
  const [, place] = /\((node|conntrack\.node)\+0x/.exec(stack) ?? [];
  return place === 'node';
}
