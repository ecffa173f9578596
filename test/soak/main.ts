/**
 * `npm run soak`: everything at once, for an hour, with a verdict. README.md
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseOptions } from './options.js';

const options = parseOptions(process.argv.slice(2));
if (process.getuid?.() !== 0) {
  console.error(
    'npm run soak needs root: it makes network namespaces, and listens with large buffers. ' +
      'Run it with sudo.',
  );
  process.exit(2);
}
const script = fileURLToPath(new URL('soak.js', import.meta.url));
const child = spawn(
  'unshare',
  ['--net', '--', process.execPath, '--expose-gc', script, JSON.stringify(options)],
  { stdio: ['ignore', 'inherit', 'inherit'], detached: true },
);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // A process group: neighbours end, too.
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  });
}
const [code] = (await once(child, 'exit')) as [number | null];
process.exitCode = code ?? 1;
