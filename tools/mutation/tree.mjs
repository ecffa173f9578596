// What CMake has built in a tree, and how: objects, and the programs that they are linked into.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { includesBelow } from './includes.mjs';
import { run } from './run.mjs';

const words = (command) => command.match(/"[^"]*"|\S+/g).map((word) => word.replaceAll('"', ''));
const ringOf = (object) => /\/CMakeFiles\/(wire|os)\.dir\//.exec(object)?.[1];

export class Tree {
  /** `folder`: where CMake has built; `scratch`: where this may write. */
  constructor(root, folder, scratch) {
    this.folder = folder;
    this.scratch = scratch;
    mkdirSync(scratch, { recursive: true });
    const filesOf = includesBelow(root);
    const commands = JSON.parse(readFileSync(join(folder, 'compile_commands.json'), 'utf8'));
    /** By the path of the object: how it is compiled, and of which files. */
    this.objects = new Map();
    for (const { directory, command, file } of commands) {
      const [compiler, ...args] = words(command);
      const object = resolve(directory, args[args.indexOf('-o') + 1]);
      if (!existsSync(object)) continue;
      this.objects.set(object, { directory, compiler, args, file, files: filesOf(file) });
    }
  }

  /** The C++ tests of a folder of test/, in their order. */
  testsOf(folder) {
    const at = join(this.folder, 'test', folder);
    const list = ['--test-dir', at, '--show-only=json-v1'];
    const { tests } = JSON.parse(spawnSync('ctest', list, { encoding: 'utf8' }).stdout);
    return tests.map(({ name, command }) => ({
      name,
      folder,
      command,
      tree: this,
      link: words(readFileSync(join(at, 'CMakeFiles', `${name}.dir/link.txt`), 'utf8')).map(
        (word) => (word.endsWith('.o') ? resolve(at, word) : word),
      ),
    }));
  }

  /**
   * Links a test with other objects in place of some. The objects of native/ come from archives, so
   * that the linker names those that the test uses.
   */
  async link(test, instead, output) {
    const [linker, ...words] = test.link;
    const own = words.filter((word) => ringOf(word) === undefined);
    own[own.indexOf('-o') + 1] = output;
    // They come before the archives, which then need not give theirs.
    const changed = [...instead].flatMap(([object, other]) => (ringOf(object) ? [other] : []));
    const args = own.map((word) => instead.get(word) ?? word);
    args.push(...changed, ...(await this.archivesOf(test)), '-Wl,--trace');
    return run(linker, args, this.folder);
  }

  /** Archives of the objects of native/ that a test is linked with: one a ring. */
  async archivesOf(test) {
    test.archives ??= Promise.all(
      ['os', 'wire'].map((ring) =>
        this.archive(
          ring,
          test.link.filter((word) => ringOf(word) === ring),
        ),
      ),
    );
    return (await test.archives).filter(Boolean);
  }

  async archive(ring, objects) {
    if (objects.length === 0) return undefined;
    const archive = join(this.scratch, `lib${ring}.a`);
    const newest = Math.max(...objects.map((object) => statSync(object).mtimeMs));
    if (!existsSync(archive) || statSync(archive).mtimeMs < newest) {
      await run('ar', ['rcsT', archive, ...objects], this.folder);
    }
    return archive;
  }

  /** The objects that a test uses. */
  async objectsOf(test) {
    test.objects ??= this.usedBy(test);
    return test.objects;
  }

  async usedBy(test) {
    const { stdout } = await this.link(test, new Map(), join(this.scratch, test.name));
    const traced = stdout.split('\n').map((line) => /\(?(\/[^()\s]+\.o)\)?$/.exec(line)?.[1]);
    const own = test.link.filter((word) => word.endsWith('.o') && ringOf(word) === undefined);
    return [...new Set([...own, ...traced])].filter((object) => this.objects.has(object));
  }

  /** The command that links an addon, in a tree of ninja or make. */
  linkOf(target, path) {
    const makefile = join(this.folder, path, 'CMakeFiles', `${target}.dir/link.txt`);
    if (existsSync(makefile)) {
      const command = words(readFileSync(makefile, 'utf8'));
      return { command, directory: join(this.folder, path) };
    }
    const args = ['-C', this.folder, '-t', 'commands', join(path, `${target}.node`)];
    const { stdout } = spawnSync('ninja', args, { encoding: 'utf8' });
    const last = stdout.trim().split('\n').at(-1);
    const command = words(last).filter((word) => word !== ':' && word !== '&&');
    return { command, directory: this.folder };
  }
}
