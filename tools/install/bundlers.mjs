// Bundlers: with the package outside of the bundle, and with the package in it and the addon beside
// it. Without the addon the bundle says what to do.
import { chmodSync, copyFileSync, cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { COMMONJS_WITH_IMPORT, ESM, ESM_WITHOUT_AWAIT } from './program.mjs';
import {
  checkout,
  Failed,
  fetchNode,
  fetchTools,
  installedPackage,
  Project,
  toolOf,
  versionOf,
} from './workshop.mjs';

const ADDON = `prebuilds/linux-${process.arch}/conntrack.glibc.node`;
const NODE = process.execPath;

function projectFor(name, { tarball }, files) {
  const project = new Project(`bundler ${name}`, {
    'program.mjs': ESM,
    'program-without-await.mjs': ESM_WITHOUT_AWAIT,
    ...files,
  });
  cpSync(installedPackage(tarball).path('node_modules'), project.path('node_modules'), {
    recursive: true,
  });
  return project;
}

/** The bundle alone, as it is taken to another machine: without the addon, and with it. */
function tryBeside(project, command, folder) {
  const addon = project.path('addon.node');
  copyFileSync(project.path(join('node_modules/conntrack', ADDON)), addon);
  rmSync(project.path('node_modules'), { recursive: true });
  const message = project.tryWithout(command);
  if (!message.includes('is a bundle')) throw new Failed(message);
  copyFileSync(addon, project.path(join(folder, 'conntrack.glibc.node')));
  project.tryOut(command);
}

/**
 * A cell: `external` and `inside` are commands that write `bundle`. `own`: with the tools of this
 * checkout.
 */
function cell(name, { tools, own = false, files, external, inside, bundle, mayPrint }) {
  return {
    name,
    smoke: own,
    run(context) {
      const modules = own ? join(checkout, 'node_modules') : fetchTools(...tools);
      const project = projectFor(name, context, files);
      project.link(modules, tools);
      project.run([NODE, ...external(modules)], { mayPrint });
      project.tryOut([NODE, bundle]);
      rmSync(project.path('bundle'), { recursive: true });
      project.run([NODE, ...inside(modules)], { mayPrint });
      tryBeside(project, [NODE, bundle], 'bundle');
      return `${versionOf(modules, tools[0])}: external; beside the bundle`;
    },
  };
}

function esbuild(format, program, extension) {
  const build = (modules) => [
    ...[toolOf(modules, 'esbuild'), program, '--bundle', '--platform=node', '--log-level=warning'],
    ...[`--format=${format}`, `--outfile=bundle/app.${extension}`],
  ];
  return cell(`esbuild, ${format}`, {
    tools: ['esbuild'],
    external: (modules) => [...build(modules), '--external:conntrack'],
    inside: build,
    bundle: `bundle/app.${extension}`,
  });
}

const rollup = cell('rollup', {
  tools: ['rollup', '@rollup/plugin-node-resolve'],
  files: {
    'inside.config.mjs': `import resolve from '@rollup/plugin-node-resolve';
      export default { plugins: [resolve({ preferBuiltins: true })] };`,
  },
  external: (modules) => [
    ...[toolOf(modules, 'rollup'), 'program.mjs', '--silent', '--external', 'conntrack'],
    ...['--file', 'bundle/app.mjs'],
  ],
  inside: (modules) => [
    ...[toolOf(modules, 'rollup'), 'program.mjs', '--silent', '--file', 'bundle/app.mjs'],
    ...['--config', 'inside.config.mjs'],
  ],
  bundle: 'bundle/app.mjs',
});

const viteConfig = (noExternal) => `export default {
  logLevel: 'warn',
  build: { ssr: 'program.mjs', outDir: 'bundle' },
  ssr: { noExternal: ${noExternal} },
};`;

const vite = cell('vite, ssr', {
  tools: ['vite'],
  own: true,
  files: {
    'external.config.mjs': viteConfig('[]'),
    'inside.config.mjs': viteConfig('true'),
  },
  external: (modules) => [toolOf(modules, 'vite'), 'build', '--config', 'external.config.mjs'],
  inside: (modules) => [toolOf(modules, 'vite'), 'build', '--config', 'inside.config.mjs'],
  bundle: 'bundle/program.mjs',
});

const webpackConfig = (more) => `export default {
  mode: 'production',
  target: 'node20',
  entry: './program.mjs',
  stats: 'errors-warnings',
  experiments: { outputModule: true },
  output: { path: process.cwd() + '/bundle', filename: 'app.mjs', module: true },
  ${more}
};`;

const webpack = cell('webpack', {
  tools: ['webpack', 'webpack-cli'],
  files: {
    'external.config.mjs': webpackConfig("externals: { conntrack: 'module conntrack' },"),
    // Otherwise it puts the path of this machine into the bundle.
    'inside.config.mjs': webpackConfig(
      'module: { parser: { javascript: { importMeta: false } } },',
    ),
  },
  external: (modules) => [toolOf(modules, 'webpack-cli'), '--config', 'external.config.mjs'],
  inside: (modules) => [toolOf(modules, 'webpack-cli'), '--config', 'inside.config.mjs'],
  bundle: 'bundle/app.mjs',
});

const ncc = cell('ncc', {
  tools: ['@vercel/ncc'],
  external: (modules) => [
    ...[toolOf(modules, '@vercel/ncc', 'ncc'), 'build', 'program.mjs', '--quiet'],
    ...['--external', 'conntrack', '--out', 'bundle'],
  ],
  inside: (modules) => [
    ...[toolOf(modules, '@vercel/ncc', 'ncc'), 'build', 'program.mjs', '--quiet'],
    ...['--out', 'bundle'],
  ],
  bundle: 'bundle/index.mjs',
});

const bunCompile = {
  name: 'bun build --compile',
  run(context) {
    const tools = fetchTools('@oven/bun-linux-x64');
    const bun = `${tools}/@oven/bun-linux-x64/bin/bun`;
    const project = projectFor('bun-compile', context);
    const addon = `./node_modules/conntrack/${ADDON}`;
    const options = ['--compile', '--asset-naming=[name].[ext]', '--outfile', 'app'];
    project.run([bun, 'build', ...options, 'program.mjs', addon]);
    rmSync(project.path('node_modules'), { recursive: true });
    project.tryOut(['./app']);
    return `${versionOf(tools, '@oven/bun-linux-x64')}: inside the program`;
  },
};

const singleExecutable = {
  name: "Node.js' single executable",
  run(context) {
    const modules = fetchTools('esbuild', 'postject');
    const project = projectFor('sea', context, {
      'sea.json': { main: 'app.cjs', output: 'app.blob', disableExperimentalSEAWarning: true },
    });
    const node = fetchNode(24);
    const bundle = ['--bundle', '--platform=node', '--format=cjs', '--outfile=app.cjs'];
    const esbuild = [toolOf(modules, 'esbuild'), '--log-level=warning', ...bundle];
    project.run([NODE, ...esbuild, 'program-without-await.mjs']);
    project.run([node, '--experimental-sea-config', 'sea.json'], { mayPrint: /./ });
    copyFileSync(node, project.path('app'));
    chmodSync(project.path('app'), 0o755);
    const fuse = ['--sentinel-fuse', 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'];
    const inject = [toolOf(modules, 'postject'), 'app', 'NODE_SEA_BLOB', 'app.blob', ...fuse];
    project.run([NODE, ...inject], { mayPrint: /./ });
    tryBeside(project, ['./app'], '.');
    return 'Node.js 24, esbuild: beside the program';
  },
};

const JEST_TEST = `
const program = require('./program.js');
test('conntrack', async () => {
  const log = jest.spyOn(console, 'log').mockImplementation((line) => process.stdout.write(line));
  await program();
  log.mockRestore();
});
`;

const jest = {
  name: 'jest, CommonJS',
  run(context) {
    const modules = fetchTools('jest');
    const files = { 'program.js': COMMONJS_WITH_IMPORT, 'app.test.js': JEST_TEST };
    const project = projectFor('jest', context, files);
    const command = [NODE, '--experimental-vm-modules', toolOf(modules, 'jest')];
    project.tryOut(command, { mayPrint: /1 passed/ });
    return `${versionOf(modules, 'jest')}: with --experimental-vm-modules and import()`;
  },
};

export const bundlers = [
  esbuild('esm', 'program.mjs', 'mjs'),
  esbuild('cjs', 'program-without-await.mjs', 'cjs'),
  rollup,
  vite,
  webpack,
  ncc,
  bunCompile,
  singleExecutable,
  jest,
];
