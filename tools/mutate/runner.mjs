// A test runner for StrykerJS that keeps the tests loaded: a mutant costs the milliseconds of the
// tests that cover it, not the start of a process.
//
// A mutant may leave something behind in the modules, and the next would be killed by that. So a
// kill counts only when the same test passes without the mutant afterwards. If it fails, its file
// is loaded again with modules of its own, and the mutant is tried there. A test that was given up
// goes on behind the next ones, and takes sockets of the scripted kernel from them: what fails with
// new modules, too, waits until it has ended.
import { appendFileSync, readFileSync } from 'node:fs';
import { createRequire, register } from 'node:module';
import { setTimeout as after } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { declareClassPlugin, PluginKind } from '@stryker-mutator/api/plugin';
import { DryRunStatus, MutantRunStatus, TestStatus } from '@stryker-mutator/api/test-runner';
import { testFiles } from './test-files.mjs';

const framework = new URL('./framework.mjs', import.meta.url).href;

/** Of each test with mocks, by its address: the addresses of what it mocks. */
function mockedBy(files, root) {
  return Object.fromEntries(
    files.flatMap((file) => {
      const url = `${root}${file.replace(/ts$/, 'js')}`;
      const mocks = readFileSync(file, 'utf8').matchAll(/^vi\.mock\('([^']+)'/gm);
      const addresses = [...mocks].map(([, specifier]) => new URL(specifier, url).href);
      return addresses.length > 0 ? [[url, addresses]] : [];
    }),
  );
}

/** A test of the scripted kernel waits so long at most: most mutants of a request end before it is sent. */
const PATIENCE_MS = 1500;
const GIVEN_UP_MS = PATIENCE_MS + 500;
const TRIES = 3;

const messageOf = (error) => String(error?.message ?? error).slice(0, 500);

class LoadedTests {
  /** What the mutants look at: Stryker's name for it. */
  #state = globalThis.__stryker__ ?? {};
  #graphs = 0;
  /** By file. */
  #suites = new Map();
  /** By id. */
  #fileOf = new Map();
  #milliseconds = new Map();
  /** They fail without a mutant, as those do that measure time on a busy machine. */
  #unfit = new Set();
  #stray;

  /** Mutants of what runs when a module is loaded are not run: stryker.config.mjs. */
  capabilities() {
    return { reloadEnvironment: true };
  }

  async init() {
    globalThis.__stryker__ = this.#state;
    this.files = testFiles(process.env.CONNTRACK_MUTATED.split(' '));
    this.root = `${pathToFileURL(process.cwd()).href}/`;
    this.framework = await import(framework);
    const data = { root: this.root, framework, mocked: mockedBy(this.files, this.root) };
    register('./hooks.mjs', import.meta.url, { data });
    // The whole addon, over a kernel that a test may play.
    process.env.CONNTRACK_ADDON = `${process.cwd()}/build/test/stack/native/scripted.node`;
    process.env.CONNTRACK_SCRIPT_PATIENCE_MS = String(PATIENCE_MS);
    process.env.NODE_ENV = 'test';
    for (const event of ['uncaughtException', 'unhandledRejection']) {
      process.on(event, (error) => {
        this.#stray ??= { error };
      });
    }
    await this.#load(this.files);
  }

  /**
   * Loads files with modules that nothing else uses. Files with mocks have some of their own, and
   * those of the stack, for the modules keep the socket of the thread.
   */
  async #load(files) {
    const shared = this.#graphs++;
    for (const file of files) {
      const isAlone =
        file.startsWith('test/stack/') || readFileSync(file, 'utf8').includes('vi.mock(');
      const graph = isAlone ? this.#graphs++ : shared;
      const url = `${this.root}${file.replace(/ts$/, 'js')}?g=${graph}`;
      const suite = await this.framework.collect(file, () => import(url));
      this.#suites.set(file, suite);
      for (const { id } of this.framework.testsOf(suite)) this.#fileOf.set(id, file);
    }
  }

  /** The first failure among tests of a file. */
  async #run(file, wanted, mutant, onEnd = () => {}) {
    let first;
    await this.framework.run(this.#suites.get(file), wanted, {
      limitOf: ({ id }) => this.#limitOf(id),
      before: ({ id }) => {
        this.#stray = undefined;
        this.#state.currentTestId = id;
        this.#state.activeMutant = mutant;
      },
      after: ({ id }, failed, milliseconds) => {
        this.#state.activeMutant = undefined;
        this.#state.currentTestId = undefined;
        const failure = failed ?? this.#stray;
        onEnd(id, failure, milliseconds);
        if (failure) first ??= { id, message: messageOf(failure.error) };
        return first === undefined || mutant === undefined;
      },
    });
    return first;
  }

  async dryRun() {
    const tests = [];
    for (const file of this.files) {
      const all = new Set([...this.#fileOf].filter(([, of]) => of === file).map(([id]) => id));
      await this.#run(file, all, undefined, (id, failure, timeSpentMs) => {
        const base = { id, name: id, fileName: file, timeSpentMs };
        this.#milliseconds.set(id, timeSpentMs);
        tests.push({ ...base, status: failure ? TestStatus.Skipped : TestStatus.Success });
        if (failure === undefined) return;
        this.#unfit.add(id);
        console.log(`left out: ${id}: ${messageOf(failure.error)}`);
      });
    }
    return {
      status: DryRunStatus.Complete,
      tests,
      mutantCoverage: this.#state.mutantCoverage ?? { static: {}, perTest: {} },
    };
  }

  async mutantRun({ activeMutant, testFilter, hitLimit }) {
    const wanted = new Set(testFilter.filter((id) => !this.#unfit.has(id)));
    let nrOfTests = 0;
    const attempt = async (file) => {
      Object.assign(this.#state, { hitCount: 0, hitLimit });
      const failure = await this.#run(file, wanted, activeMutant.id, () => nrOfTests++);
      this.#state.hitCount = undefined;
      return failure;
    };
    for (const file of this.#sorted(wanted)) {
      let failure = await attempt(file);
      for (let tries = 0; tries < TRIES && failure !== undefined; tries++) {
        if ((await this.#run(file, new Set([failure.id]))) === undefined) break;
        if (tries > 0) await after(GIVEN_UP_MS);
        this.#closeSockets();
        await this.#load([file]);
        failure = await attempt(file);
        this.#closeSockets();
        await this.#load([file]);
      }
      if (failure) {
        return {
          status: MutantRunStatus.Killed,
          killedBy: [failure.id],
          failureMessage: failure.message,
          nrOfTests,
        };
      }
    }
    return { status: MutantRunStatus.Survived, nrOfTests };
  }

  /** Those that a test of the scripted kernel has not accepted: the next would accept them. */
  #closeSockets() {
    const { script } = createRequire(import.meta.url)(process.env.CONNTRACK_ADDON);
    while (script.waitingSockets() > 0) new script.Peer().close();
  }

  /** A test that waits for ever is told from one that takes its time by what it took before. */
  #limitOf(id) {
    const usual = this.#milliseconds.get(id);
    return usual === undefined ? undefined : 2000 + 10 * usual;
  }

  /** Files with a test in `wanted`, what is quick first. */
  #sorted(wanted) {
    const cost = new Map();
    for (const id of wanted) {
      const file = this.#fileOf.get(id);
      cost.set(file, (cost.get(file) ?? 0) + (this.#milliseconds.get(id) ?? 10));
    }
    return [...cost.keys()].sort((one, other) => cost.get(one) - cost.get(other));
  }

  dispose() {}
}

/** Writes each mutant that has ended into a file, a line of JSON each: a run may be ended early. */
class LinesReporter {
  #path = process.env.CONNTRACK_MUTANTS;

  onMutationTestingPlanReady({ mutantPlans }) {
    console.log(`${mutantPlans.filter(({ plan }) => plan === 'Run').length} mutants to run`);
  }

  onMutantTested({ fileName, location, mutatorName, replacement, status, killedBy }) {
    const place = { fileName, location, mutatorName, replacement };
    appendFileSync(this.#path, `${JSON.stringify({ ...place, status, killedBy })}\n`);
  }
}

export const strykerPlugins = [
  declareClassPlugin(PluginKind.TestRunner, 'loaded', LoadedTests),
  declareClassPlugin(PluginKind.Reporter, 'lines', LinesReporter),
];
