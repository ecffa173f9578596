// The tests that may notice a mutant, cheapest first: C++ tests under sanitizers, then the addon
// over the scripted kernel.
import { join } from 'node:path';
import { run } from './run.mjs';
import { Tree } from './tree.mjs';

/** Folders of C++ tests for each ring, in their order: the tree, and the folder of test/. */
const FOLDERS = {
  wire: [
    ['sanitized', 'wire'],
    ['sanitized', 'fuzz'],
    ['sanitized', 'os'],
  ],
  os: [
    ['sanitized', 'os'],
    ['sanitized', 'fuzz'],
    ['threads', 'os'],
  ],
  addon: [['sanitized', 'addon']],
};

/** These take seconds, and try other files little. */
const ALONE = { filter_test: /filter|record/, filter_program_test: /filter/ };

/** The files of test/stack that come first for a file of native/addon. */
const STACK_TESTS = [
  [/changer_wrap/, ['pass-signal', 'deleted-entries', 'writing']],
  [/dump_wrap|slab_argument/, ['dump', 'entries', 'states', 'failures']],
  [/event_wrap|doorbell/, ['events', 'event-namespaces', 'endings', 'failures']],
  [/request_wrap|async_job|promise/, ['requests', 'lookups', 'failures']],
  [/namespace/, ['event-namespaces', 'failures', 'proc-files']],
  [/file_functions/, ['proc-files', 'stats', 'refusals']],
  [/filter_functions|matcher_wrap/, ['filter-probe', 'entries', 'mirror']],
  [/./, ['requests', 'entries', 'events']],
];

/** A mutant that does not end is killed after so many seconds of the processor. */
const LIMITS = { seconds: 15, env: { ASAN_OPTIONS: 'hard_rss_limit_mb=2000' } };

const stem = (path) =>
  path
    .split('/')
    .at(-1)
    .replace(/\.\w+$/, '');

export class Tests {
  constructor(root, scratch, wanted) {
    this.root = root;
    this.wanted = wanted;
    const tree = (name, folder) => new Tree(root, join(root, folder), join(scratch, name));
    this.trees = {
      sanitized: tree('sanitized', 'out/sanitized'),
      threads: tree('threads', 'out/threads'),
      plain: tree('plain', 'build'),
    };
    this.addon = {
      tree: this.trees.plain,
      ...this.trees.plain.linkOf('scripted', 'test/stack/native'),
    };
    this.folders = new Map();
    this.known = new Map();
    this.whole = new Map();
  }

  wants(folder) {
    return this.wanted === undefined || this.wanted.includes(folder);
  }

  folder(tree, name) {
    const key = `${tree}/${name}`;
    if (!this.folders.has(key)) {
      const tests = this.trees[tree].testsOf(name).map((test) => ({ ...test, limits: LIMITS }));
      this.folders.set(key, tests);
    }
    return this.folders.get(key);
  }

  /** What is known of a test and the mutants of a file. */
  experience(test, { file }) {
    const key = `${file} ${test.name}`;
    if (!this.known.has(key)) {
      const isOwn = test.name === `${stem(file)}_test`;
      this.known.set(key, { tries: 5, noticed: isOwn ? 4 : 1 });
    }
    return this.known.get(key);
  }

  /** The C++ tests, first those that notice most for the time that they take. */
  order(mutant) {
    return FOLDERS[mutant.ring]
      .filter(([, folder]) => this.wants(folder))
      .flatMap(([tree, folder]) => this.folder(tree, folder))
      .filter(({ name }) => ALONE[name]?.test(mutant.file) ?? true)
      .map((test, index) => {
        const { tries, noticed } = this.experience(test, mutant);
        return { test, index, price: ((test.seconds ?? 1) * tries) / noticed };
      })
      .sort((a, b) => a.price - b.price || a.index - b.index)
      .map(({ test }) => test);
  }

  /** A test that is red without a mutant notices nothing. */
  async passesWhole(name, runs) {
    if (!this.whole.has(name)) this.whole.set(name, runs());
    if ((await this.whole.get(name)).status === 0) return;
    throw new Error(`${name} fails without a mutant. Run it alone.`);
  }

  runWhole({ command: [program, ...args] }) {
    return run(program, args, this.root, LIMITS);
  }

  /**
   * Whether a test fails. On a busy machine one may seem not to end: it fails if it does so again,
   * after it has ended without the mutant.
   */
  async fails(test, changed) {
    const result = await changed.run(test);
    if (!result?.stderr.includes('DOES NOT END')) return result && result.status !== 0;
    const whole = await this.runWhole(test);
    if (whole.status !== 0) throw new Error(`${test.name} fails without a mutant. Run it alone.`);
    return (await changed.run(test)).status !== 0;
  }

  /** The name of the first test that fails; undefined when none does. */
  async noticing(mutant, changed) {
    for (const test of this.order(mutant)) {
      const experience = this.experience(test, mutant);
      experience.tries++;
      if (!(await this.fails(test, changed))) continue;
      await this.passesWhole(test.name, () => this.runWhole(test));
      experience.noticed++;
      return test.name;
    }
    return this.wants('stack') ? this.noticingStack(mutant, changed) : undefined;
  }

  async noticingStack(mutant, changed) {
    const addon = await changed.addon(this.addon);
    if (addon === undefined) return undefined;
    const [, files] = STACK_TESTS.find(([pattern]) => pattern.test(mutant.file));
    const first = files.map((name) => `test/stack/${name}.test.ts`);
    if (await this.stackFails(first, addon)) return `stack: ${files.join(', ')}`;
    return (await this.stackFails([], addon)) ? 'stack' : undefined;
  }

  async stackFails(files, addon) {
    const args = ['node_modules/vitest/vitest.mjs', 'run', '--project', 'stack', '--bail=1'];
    const runs = (env) =>
      run(process.execPath, [...args, ...files], this.root, { seconds: 200, env });
    if ((await runs({ CONNTRACK_SCRIPTED_ADDON: addon })).status === 0) return false;
    await this.passesWhole(`test/stack ${files.join(' ')}`, () => runs({}));
    return true;
  }
}
