// TypeScript: strict, with the package's types checked, and with no others than the compiler's own.
import { join } from 'node:path';
import { TYPESCRIPT } from './program.mjs';
import { checkout, fetchTools, installedPackage, toolOf, versionOf } from './workshop.mjs';

/** Beside that of this checkout: the lowest that can read the types, and the newest. */
const COMPILERS = ['5.6', '5.9', '7'];

const MODULES = {
  node16: { module: 'node16', moduleResolution: 'node16' },
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
};

function configOf(name, options) {
  return {
    compilerOptions: {
      target: 'es2022',
      ...options,
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      types: [],
      rootDir: '.',
      outDir: `out-${name}`,
    },
    files: ['program.mts'],
  };
}

function compile(modules, { tarball }) {
  const project = installedPackage(tarball);
  project.write({ 'program.mts': TYPESCRIPT });
  const compiler = [process.execPath, toolOf(modules, 'typescript', 'tsc')];
  for (const [name, options] of Object.entries(MODULES)) {
    project.write({ [`tsconfig.${name}.json`]: configOf(name, options) });
    project.run([...compiler, '-p', `tsconfig.${name}.json`]);
    project.tryOut([process.execPath, `out-${name}/program.mjs`]);
  }
  return `${versionOf(modules, 'typescript')}: ${Object.keys(MODULES).join(', ')}`;
}

export const compilers = [
  ...COMPILERS.map((version) => ({
    name: `TypeScript ${version}`,
    // What a newer one takes, the lowest may refuse.
    smoke: version === COMPILERS[0],
    run: (context) => compile(fetchTools(`typescript@${version}`), context),
  })),
  {
    name: 'TypeScript of this checkout',
    run: (context) => compile(join(checkout, 'node_modules'), context),
  },
];
