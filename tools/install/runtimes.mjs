// Runtimes: each runs the package that npm has installed, as an ES module and as CommonJS.
import { COMMONJS, ESM } from './program.mjs';
import { fetchNode, fetchTools, installedPackage, run } from './workshop.mjs';

function tryBoth(tarball, command, options) {
  const project = installedPackage(tarball);
  project.write({ 'program.mjs': ESM, 'program.cjs': COMMONJS });
  for (const file of ['program.mjs', 'program.cjs']) project.tryOut([...command, file], options);
}

function versionOfProgram(program) {
  return run([program, '--version'])
    .stdout.trim()
    .split('\n')[0]
    .replace(/^(v|deno )| \(.*/g, '');
}

const nodes = [20, 22, 24, 26].map((major) => ({
  name: `Node.js ${major}`,
  smoke: process.versions.node.startsWith(`${major}.`),
  run({ tarball }) {
    const node = fetchNode(major);
    tryBoth(tarball, [node]);
    return `${versionOfProgram(node)}: ESM, CommonJS`;
  },
}));

const others = [
  {
    name: 'bun',
    run({ tarball }) {
      const bun = `${fetchTools('@oven/bun-linux-x64')}/@oven/bun-linux-x64/bin/bun`;
      tryBoth(tarball, [bun]);
      return `${versionOfProgram(bun)}: ESM, CommonJS`;
    },
  },
  {
    name: 'deno',
    run({ tarball }) {
      const tools = fetchTools('@deno/linux-x64-glibc');
      const deno = `${tools}/@deno/linux-x64-glibc/deno`;
      const options = ['--allow-ffi', '--allow-env'];
      tryBoth(tarball, [deno, 'run', '--quiet', ...options]);
      return `${versionOfProgram(deno)}: ESM, CommonJS, with ${options.join(' ')}`;
    },
  },
];

export const runtimes = [...nodes, ...others];
