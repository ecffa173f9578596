// Package managers: each installs the tarball into an empty project, without a word on stderr or a
// warning, and what it has installed runs as an ES module and as CommonJS.
import { COMMONJS, COMMONJS_WITH_IMPORT, ESM } from './program.mjs';
import { Failed, fetchNode, fetchTools, Project, toolOf, versionOf } from './workshop.mjs';

const WARNING = /\bwarn|build scripts?|must be built|doesn't provide|deprecated/i;

/** What yarn says of every ES module. */
const OF_PNP = /^.*(ESM support for PnP|Done with warnings).*\n/gm;

/** The loader of yarn 3 has no require() of ES modules. */
const WITHOUT_REQUIRE = { 'program.cjs': COMMONJS_WITH_IMPORT };

/** `run`: the arguments before a program, where Node.js alone does not find packages. */
const MANAGERS = [
  ...[9, 10, 11, 12].map((major) => ({
    name: 'npm',
    wanted: `npm@${major}`,
    node: major === 12 ? 24 : 20,
    install: ['install', '--no-audit', '--no-fund'],
  })),
  ...[9, 10].map((major) => ({
    name: 'pnpm',
    wanted: `pnpm@${major}`,
    node: 20,
    install: ['install'],
  })),
  // It is a native program, and its package has a script of JavaScript that starts it.
  { name: 'pnpm', file: 'bin/pnpm.mjs', wanted: 'pnpm@12', node: 24, install: ['install'] },
  { name: 'yarn', wanted: 'yarn@1', node: 20, install: ['install', '--no-progress'] },
  ...[3, 4].flatMap((major) =>
    ['node-modules', 'pnp'].map((linker) => ({
      name: '@yarnpkg/cli-dist',
      program: 'yarn',
      wanted: `@yarnpkg/cli-dist@${major}`,
      node: 20,
      install: ['install'],
      env: {
        YARN_NODE_LINKER: linker,
        YARN_ENABLE_TELEMETRY: '0',
        // What CI=true stands for.
        YARN_ENABLE_IMMUTABLE_INSTALLS: 'false',
        YARN_ENABLE_GLOBAL_CACHE: 'false',
      },
      files: { 'yarn.lock': '', ...(linker === 'pnp' && major === 3 ? WITHOUT_REQUIRE : {}) },
      what: linker === 'pnp' ? 'PnP' : linker,
      run: linker === 'pnp' ? ['node'] : undefined,
    })),
  ),
];

function cellOf({ name, program = name, file, wanted, node, install, env, files, what, run }) {
  return {
    name: `${program} ${wanted.split('@').at(-1)}${what === undefined ? '' : `, ${what}`}`,
    run({ tarball }) {
      const tools = fetchTools(wanted);
      const node_ = fetchNode(node);
      const script = file === undefined ? toolOf(tools, name, program) : `${tools}/${name}/${file}`;
      const manager = [node_, script];
      const project = new Project(`manager ${wanted} ${what ?? ''}`, {
        'package.json': { private: true, dependencies: { conntrack: `file:${tarball}` } },
        'program.mjs': ESM,
        'program.cjs': COMMONJS,
        ...files,
      });
      const { stdout } = project.run([...manager, ...install], { env });
      if (WARNING.test(stdout.replace(OF_PNP, ''))) throw new Failed(`warns:\n${stdout}`);
      const command = run === undefined ? [node_] : [...manager, ...run];
      for (const file of ['program.mjs', 'program.cjs'])
        project.tryOut([...command, file], { env });
      return `${versionOf(tools, name)}: silent; ESM, CommonJS${files?.['program.cjs'] ? ' with import()' : ''}`;
    },
  };
}

const bun = {
  name: 'bun',
  run({ tarball }) {
    const project = new Project('manager bun', {
      'package.json': { private: true, dependencies: { conntrack: `file:${tarball}` } },
      'program.mjs': ESM,
    });
    const tools = fetchTools('@oven/bun-linux-x64');
    const program = `${tools}/@oven/bun-linux-x64/bin/bun`;
    // It reports its progress there.
    const { stdout, stderr } = project.run([program, 'install'], { mayPrint: /./ });
    if (WARNING.test(stdout + stderr)) throw new Failed(`warns:\n${stdout}${stderr}`);
    project.tryOut([program, 'program.mjs']);
    return `${versionOf(tools, '@oven/bun-linux-x64')}: no warning; ESM`;
  },
};

export const managers = [...MANAGERS.map(cellOf), bun];
