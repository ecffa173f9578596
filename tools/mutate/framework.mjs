// What the tests import as vitest when they run under mutation, thousands of times in one process:
// suites and hooks of our own, around vitest's matchers and mocks. Each test is collected once.
import { format, inspect } from 'node:util';

// vitest's own matchers ask for the state of its worker.
globalThis.__vitest_worker__ = {
  ctx: {},
  config: { fakeTimers: {} },
  environment: {},
  metaEnv: {},
};
const real = await import('vitest');

export const { assert, expectTypeOf, chai } = real;

/** Of a test or a hook; a machine may be busy. */
const LIMIT_MS = 60_000;
/** The same of the test that runs. */
let limitMs = LIMIT_MS;

let current;
let finishers = [];

function suiteIn(parent, name) {
  const hooks = { beforeAll: [], afterAll: [], beforeEach: [], afterEach: [] };
  return { parent, name, hooks, children: [] };
}

const isSkipped = (options) => options !== null && typeof options === 'object' && options.skip;

function declare(kind, { skip = false } = {}) {
  const add = (name, first, second) => {
    const body = typeof first === 'function' ? first : second;
    if (skip || body === undefined || isSkipped(first)) return;
    if (kind === 'test') current.children.push({ parent: current, name: String(name), body });
    else {
      const suite = suiteIn(current, String(name));
      suite.body = body;
      current.children.push(suite);
    }
  };
  add.skip = () => {};
  add.todo = () => {};
  add.skipIf = (condition) => declare(kind, { skip: skip || Boolean(condition) });
  add.runIf = (condition) => declare(kind, { skip: skip || !condition });
  add.each = (rows) => (name, first, second) => {
    const body = typeof first === 'function' ? first : second;
    for (const [index, row] of rows.entries()) {
      const values = Array.isArray(row) ? row : [row];
      add(`${titleOf(name, values)} [${index}]`, () => body(...values));
    }
  };
  return add;
}

function titleOf(name, values) {
  const named = String(name).replaceAll(/\$([\w.]+)/g, (_, path) =>
    inspect(path.split('.').reduce((value, key) => value?.[key], values[0])),
  );
  const wanted = (named.match(/%[sdifjop]/g) ?? []).length;
  return format(named.replaceAll('%#', ''), ...values.slice(0, wanted)).slice(0, 300);
}

export const test = declare('test');
export const it = test;
export const describe = declare('suite');
export const suite = describe;

const hook = (kind) => (body) => void current.hooks[kind].push(body);
export const beforeAll = hook('beforeAll');
export const afterAll = hook('afterAll');
export const beforeEach = hook('beforeEach');
export const afterEach = hook('afterEach');
export const onTestFinished = (body) => void finishers.push(body);

/** Values of one expression, until one matches. */
function poll(read, { timeout = 1000 } = {}) {
  const until = async (name, wanted) => {
    const end = performance.now() + timeout;
    for (;;) {
      try {
        return real.expect(await read())[name](...wanted);
      } catch (error) {
        if (performance.now() > end) throw error;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  };
  return new Proxy(
    {},
    {
      get:
        (_, name) =>
        (...wanted) =>
          until(name, wanted),
    },
  );
}

const withoutIndent = (text) => text.trim().replaceAll(/\n\s+/g, '\n');
real.expect.extend({
  toMatchInlineSnapshot(received, wanted) {
    const pass = withoutIndent(`"${received}"`) === withoutIndent(wanted);
    return { pass, message: () => `${received} is not ${wanted}` };
  },
});
export const expect = Object.assign((...args) => real.expect(...args), real.expect, { poll });

const factories = new Map();
let resets = 0;
const graphOf = (url) => new URL(url).searchParams.get('g');
globalThis.mutationMock = (url) => {
  const address = new URL(url);
  const key = `${address.searchParams.get('g')} ${address.pathname}`;
  return factories.get(key)(() => import(`${url}&o=1`));
};

const variables = new Map();

export const vi = {
  ...real.vi,
  stubEnv(name, value) {
    if (!variables.has(name)) variables.set(name, process.env[name]);
    process.env[name] = value;
  },
  unstubAllEnvs() {
    for (const [name, value] of variables) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    variables.clear();
  },
  hoisted: (make) => make(),
  mock(url, specifier, factory) {
    factories.set(`${graphOf(url)} ${new URL(specifier, url).pathname}`, factory);
  },
  resetModules: () => void resets++,
  /** What runs when a module is loaded is no part of the test, as the first time. */
  async importAgain(url, specifier) {
    const address = new URL(specifier, url);
    address.search = `?g=${graphOf(url)}${resets > 0 ? `&r=${resets}` : ''}`;
    const state = globalThis.__stryker__ ?? {};
    const { currentTestId } = state;
    state.currentTestId = undefined;
    try {
      return await import(address.href);
    } finally {
      state.currentTestId = currentTestId;
    }
  },
};
export const vitest = vi;

/** The suite of a file: `load` imports it. */
export async function collect(name, load) {
  const file = suiteIn(undefined, name);
  current = file;
  await load();
  await collectChildren(file);
  return file;
}

async function collectChildren(of) {
  for (const child of of.children) {
    if (child.children === undefined) continue;
    current = child;
    await child.body();
    await collectChildren(child);
  }
}

/** All tests of a suite, in order, with a name that no other has. */
export function testsOf(file) {
  const taken = new Map();
  const walk = (of, path) =>
    of.children.flatMap((child) => {
      const name = `${path} > ${child.name}`;
      if (child.children) return walk(child, name);
      const count = (taken.get(name) ?? 0) + 1;
      taken.set(name, count);
      child.id = count === 1 ? name : `${name} #${count}`;
      return [child];
    });
  return walk(file, file.name);
}

async function withLimit(body) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${limitMs} ms`)), limitMs);
  });
  try {
    await Promise.race([body(), late]);
  } finally {
    clearTimeout(timer);
  }
}

const chainOf = (one) => (one.parent ? [...chainOf(one.parent), one.parent] : []);

/** The error of a test. */
async function runTest(one) {
  const chain = chainOf(one);
  finishers = [];
  const context = { task: one, expect, onTestFinished, skip: () => {} };
  let failure;
  const attempt = async (body) => {
    try {
      await withLimit(async () => body(context));
    } catch (error) {
      failure ??= { error };
    }
  };
  const cleanups = [];
  for (const body of chain.flatMap(({ hooks }) => hooks.beforeEach)) {
    await attempt(async () => {
      const cleanup = await body(context);
      if (typeof cleanup === 'function') cleanups.push(cleanup);
    });
  }
  if (!failure) await attempt(one.body);
  for (const body of [
    ...[...finishers].reverse(),
    ...chain.reverse().flatMap(({ hooks }) => [...hooks.afterEach].reverse()),
    ...cleanups,
  ]) {
    await attempt(body);
  }
  return failure;
}

/**
 * Runs the tests of a file that are in `wanted`, until one fails. Calls `before(test)` and
 * `after(test, failure, milliseconds)` around each; hooks of suites run as a part of the first test.
 * `limitOf(test)`: the milliseconds that it may take.
 */
export async function run(file, wanted, { before, after, limitOf }) {
  const has = (of) => (of.children ? of.children.some(has) : wanted.has(of.id));
  const opened = [];
  const open = async (one) => {
    for (const of of chainOf(one)) {
      if (opened.includes(of)) continue;
      opened.push(of);
      for (const body of of.hooks.beforeAll) await withLimit(async () => body());
    }
  };
  const close = async (of) => {
    if (!opened.includes(of)) return;
    opened.splice(opened.indexOf(of), 1);
    for (const body of of.hooks.afterAll) await withLimit(async () => body());
  };
  const walk = async (of) => {
    for (const child of of.children) {
      if (!has(child)) continue;
      if (child.children) {
        if (!(await walk(child))) return false;
        continue;
      }
      before(child);
      limitMs = limitOf?.(child) ?? LIMIT_MS;
      const start = performance.now();
      let failure;
      try {
        await open(child);
        failure = await runTest(child);
      } catch (error) {
        failure = { error };
      }
      if (!after(child, failure, performance.now() - start)) return false;
    }
    await close(of);
    return true;
  };
  try {
    await walk(file);
  } finally {
    for (const of of [...opened].reverse()) await close(of).catch(() => {});
  }
}
