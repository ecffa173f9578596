// A mutant, compiled: only what depends on its file, and each object once.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { run } from './run.mjs';

export class DoesNotBuild extends Error {}

/** Mutants need no warnings and no lines. */
const LEFT_OUT = /^-(?:W(?!l,).*|g\d?)$/;
/** In half the time; and as the addon is built. */
const QUICK = ['-O0'];
const OPTIMIZED = ['-O2', '-DNDEBUG', '-fno-sanitize=all', '-fomit-frame-pointer'];

export class Changed {
  /** `scratch`: of this mutant alone. */
  constructor(root, mutant, scratch) {
    this.mutant = mutant;
    this.file = join(root, mutant.file);
    this.native = join(root, 'native/');
    this.scratch = scratch;
    this.compiled = new Map();
    rmSync(scratch, { recursive: true, force: true });
    this.write('mutant', mutant.text);
  }

  /** A folder in which `#include "wire/slab.h"` finds another text. */
  write(folder, text) {
    const path = join(this.scratch, folder, this.mutant.file.replace(/^native\//, ''));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  isIn(object, tree) {
    return tree.objects.get(object).files.has(this.mutant.file);
  }

  async compile({ compiler, args, directory, file }, folder, output, flags) {
    const kept = args.filter((arg) => !LEFT_OUT.test(arg));
    kept[kept.indexOf('-o') + 1] = output;
    if (file === this.file) {
      const path = join(this.scratch, folder, this.mutant.file.replace(/^native\//, ''));
      kept[kept.lastIndexOf('-c') + 1] = path;
    }
    const all = [`-I${join(this.scratch, folder)}`, ...kept, ...flags];
    const { status } = await run(compiler, all, directory);
    if (status !== 0) throw new DoesNotBuild();
    return output;
  }

  /** Compiles what depends on the file, of these objects: a map to the new ones. */
  async objectsInstead(objects, tree, flags) {
    const instead = new Map();
    for (const object of objects) {
      if (!this.isIn(object, tree)) continue;
      if (!this.compiled.has(object)) {
        const output = join(this.scratch, `${this.compiled.size}.${basename(object)}`);
        const known = tree.objects.get(object);
        this.compiled.set(object, await this.compile(known, 'mutant', output, flags));
      }
      instead.set(object, this.compiled.get(object));
    }
    return instead;
  }

  /** How a C++ test ends; undefined when it uses nothing that the mutant changes. */
  async run(test) {
    const used = await test.tree.objectsOf(test);
    const instead = await this.objectsInstead(used, test.tree, QUICK);
    if (instead.size === 0) return undefined;
    const program = join(this.scratch, test.name);
    const linked = await test.tree.link(test, instead, program);
    if (linked.status !== 0) throw new DoesNotBuild();
    const start = performance.now();
    const result = await run(program, test.command.slice(1), this.scratch, test.limits);
    test.seconds = (performance.now() - start) / 1000;
    rmSync(program);
    return result;
  }

  /** The addon with the mutant in it; undefined when the mutant is in none of its objects. */
  async addon({ tree, command, directory }) {
    const objects = command
      .filter((word) => word.endsWith('.o'))
      .map((word) => resolve(directory, word));
    const instead = await this.objectsInstead(objects, tree, []);
    if (instead.size === 0) return undefined;
    const [linker, ...args] = command.map((word) => instead.get(resolve(directory, word)) ?? word);
    const output = join(this.scratch, 'mutant.node');
    args[args.indexOf('-o') + 1] = output;
    const { status } = await run(linker, args, directory);
    if (status !== 0) throw new DoesNotBuild();
    return output;
  }

  /** Whether the compiler makes the same code of the mutant. */
  async isSame(tree) {
    this.write('original', readFileSync(this.file, 'utf8'));
    for (const [object, known] of tree.objects) {
      if (!known.file.startsWith(this.native) || !this.isIn(object, tree)) continue;
      const codes = [];
      for (const folder of ['mutant', 'original']) {
        const output = join(this.scratch, `${folder}.o`);
        codes.push(readFileSync(await this.compile(known, folder, output, OPTIMIZED)));
      }
      if (!codes[0].equals(codes[1])) return false;
    }
    return true;
  }

  remove() {
    rmSync(this.scratch, { recursive: true, force: true });
  }
}
