// Boots a kernel under QEMU, without KVM, and waits for the end of the machine.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ARCHITECTURES } from './architectures.mjs';

/**
 * Resolves with the results of its tests as vitest writes them, `undefined` when it gave none, and
 * with the seconds. What the machine printed is in `console.log` of the folder.
 */
export async function boot(folder, { architecture, image, initrds, files, limitSeconds }) {
  const { qemu, machine, console, resultsPort, ...of } = ARCHITECTURES[architecture];
  const initrd = join(folder, 'initrd');
  await concatenate(initrds, initrd);
  const results = join(folder, 'results.json');
  writeFileSync(results, '');
  const began = performance.now();
  const child = spawn(
    qemu.program,
    [
      ['-accel', 'tcg,thread=multi'],
      machine,
      ['-smp', '2'],
      ['-m', '3000M'],
      ['-display', 'none'],
      ['-no-reboot'],
      ['-nic', 'none'],
      ['-monitor', 'none'],
      ['-serial', `file:${join(folder, 'console.log')}`],
      of.results(results),
      ['-kernel', image],
      ['-initrd', initrd],
      [
        '-append',
        `console=${console} quiet panic=-1 mitigations=off rdinit=/init ` +
          `conntrack.results=/dev/${resultsPort} conntrack.files=${files.join(',')}`,
      ],
    ].flat(),
    {
      stdio: ['ignore', 'inherit', 'inherit'],
      timeout: limitSeconds * 1000,
      killSignal: 'SIGKILL',
    },
  );
  await once(child, 'close');
  const seconds = (performance.now() - began) / 1000;
  const text = readFileSync(results, 'utf8').trim();
  return {
    seconds,
    results: text.startsWith('{') && text.endsWith('}') ? JSON.parse(text) : undefined,
  };
}

async function concatenate(files, to) {
  const out = createWriteStream(to);
  for (const file of files) {
    out.write(readFileSync(file));
  }
  out.end();
  await once(out, 'close');
}
