// Kernels from Debian's archive, by suite: apt finds them, checks their signatures, and downloads
// them, with lists and a cache of its own under out/kernels/.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A kernel, or a part of one. */
const PART = /^linux-(?:image|binary|modules)-\d/;

/** One suite of the archive that this machine installs from. */
export class Suite {
  /**
   * @param {string} name such as `bookworm`
   * @param {string} folder what it may fill
   */
  constructor(name, folder) {
    this.name = name;
    this.folder = join(folder, name);
    const state = join(this.folder, 'state');
    const cache = join(this.folder, 'cache');
    for (const path of [join(state, 'lists/partial'), join(cache, 'archives/partial')]) {
      mkdirSync(path, { recursive: true });
    }
    const list = join(this.folder, 'sources.list');
    const { site, signedBy } = archiveOfMachine();
    writeFileSync(list, `deb [signed-by=${signedBy}] ${site} ${name} main\n`);
    this.options = Object.entries({
      'Dir::State': state,
      'Dir::State::status': '/dev/null',
      'Dir::Cache': cache,
      'Dir::Etc::sourcelist': list,
      'Dir::Etc::sourceparts': '-',
      'Acquire::Languages': 'none',
      'Acquire::Retries': '3',
      'APT::Sandbox::User': 'root',
      'APT::Architecture': 'amd64',
      'APT::Architectures': 'amd64',
    }).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  }

  /** The newest cloud kernel: its version, its image, and the root of its /lib/modules. */
  fetchKernel() {
    this.#apt('apt-get', 'update', '-qq');
    const parts = this.#partsOf('linux-image-cloud-amd64');
    const root = join(this.folder, 'root');
    const stamp = join(this.folder, `${parts.join(' ')}.stamp`);
    if (!existsSync(stamp)) {
      rmSync(root, { recursive: true, force: true });
      this.#apt('apt-get', 'download', '-qq', ...parts);
      for (const file of readdirSync(this.folder).filter((name) => name.endsWith('.deb'))) {
        execFileSync('dpkg-deb', ['-x', join(this.folder, file), root]);
        rmSync(join(this.folder, file));
      }
      if (!existsSync(join(root, 'lib'))) symlinkSync('usr/lib', join(root, 'lib'));
      writeFileSync(stamp, '');
    }
    const [version] = readdirSync(join(root, 'lib/modules'));
    const images = [`boot/vmlinuz-${version}`, `lib/modules/${version}/vmlinuz`];
    const image = images.map((path) => join(root, path)).find((path) => existsSync(path));
    if (image === undefined) throw new Error(`${parts.join(', ')}: no vmlinuz in them`);
    return { version, image, root };
  }

  /** The packages behind a name that stands for the newest kernel. */
  #partsOf(name) {
    const found = new Set();
    const visit = (one) => {
      for (const dependency of this.#dependencies(one)) {
        if (!PART.test(dependency) || found.has(dependency)) continue;
        found.add(dependency);
        visit(dependency);
      }
    };
    visit(name);
    if (found.size === 0) throw new Error(`${this.name}: ${name} names no kernel`);
    return [...found];
  }

  #dependencies(name) {
    const text = this.#apt('apt-cache', 'depends', name);
    return [...text.matchAll(/^ +Depends: (\S+)/gm)].map(([, dependency]) => dependency);
  }

  #apt(command, ...args) {
    const { status, stdout, stderr, error } = spawnSync(command, [...this.options, ...args], {
      cwd: this.folder,
      encoding: 'utf8',
      maxBuffer: 64 << 20,
    });
    if (status === 0) return stdout;
    const why = error?.message ?? stderr.trim();
    throw new Error(`${command} ${args.join(' ')} in ${this.name}: ${why}`);
  }
}

/** That from which this machine installs its own packages. */
function archiveOfMachine() {
  const format = '$(ORIGIN) $(COMPONENT) $(SIGNED_BY) $(SITE)';
  const targets = execFileSync('apt-get', ['indextargets', '--format', format], {
    encoding: 'utf8',
  });
  for (const line of targets.split('\n')) {
    const [origin, component, ...rest] = line.split(' ');
    const site = rest.at(-1) ?? '';
    if (origin !== 'Debian' || component !== 'main' || site.includes('security')) continue;
    const [key] = rest.filter((path) => path.startsWith('/'));
    return { site, signedBy: key ?? '/usr/share/keyrings/debian-archive-keyring.gpg' };
  }
  throw new Error('this machine installs from no archive of Debian');
}
