// Kernels and programs from Debian's archive, by suite and architecture: apt finds them, checks
// their signatures, and downloads them, with lists and a cache of its own under out/kernels/.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Unavailable } from './architectures.mjs';

/** A kernel, or a part of one. */
const PART = /^linux-(?:image|binary|modules)-\d/;

/** One suite of the archive that this machine installs from. */
export class Suite {
  /**
   * @param {string} folder what it may fill
   * @param {string} architecture as Debian calls it
   * @param {string} [name] such as `bookworm`; by default that of this machine
   */
  constructor(folder, architecture, name = archiveOfMachine().suite) {
    this.name = name;
    this.architecture = architecture;
    this.folder = join(folder, `${name}-${architecture}`);
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
      'APT::Architecture': architecture,
      'APT::Architectures': architecture,
    }).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  }

  /** The newest cloud kernel: its version, its image, and the root of its /lib/modules. */
  fetchKernel() {
    this.#apt('apt-get', 'update', '-qq');
    const root = this.#unpacked('kernel', this.#partsOf(`linux-image-cloud-${this.architecture}`));
    const [version] = readdirSync(join(root, 'lib/modules'));
    const images = [`boot/vmlinuz-${version}`, `lib/modules/${version}/vmlinuz`];
    const image = images.map((path) => join(root, path)).find((path) => existsSync(path));
    if (image === undefined) throw new Error(`${this.name}: no vmlinuz in its kernel`);
    return { version, image, root };
  }

  /** These packages and what they need, unpacked and not configured. Returns the root. */
  fetchPrograms(packages) {
    this.#apt('apt-get', 'update', '-qq');
    const plan = this.#apt(
      ...['apt-get', 'install', '--print-uris', '--no-install-recommends', '-y', '-qq'],
      ...packages,
    );
    const parts = [...plan.matchAll(/^'[^']*' ([^_ ]+)_/gm)].map(([, name]) => name);
    return this.#unpacked('programs', parts);
  }

  /** The root into which these packages are unpacked, anew when one of them has changed. */
  #unpacked(what, names) {
    const root = join(this.folder, what);
    const stamp = join(this.folder, `${what}.stamp`);
    const wanted = this.#apt('apt-get', 'download', '--print-uris', '-qq', ...names);
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return root;
    rmSync(stamp, { force: true });
    rmSync(root, { recursive: true, force: true });
    // As a machine of today has them: /bin, /sbin and /lib are those of /usr.
    for (const name of ['bin', 'sbin', 'lib']) {
      mkdirSync(join(root, 'usr', name), { recursive: true });
      symlinkSync(`usr/${name}`, join(root, name));
    }
    this.#apt('apt-get', 'download', '-qq', ...names);
    for (const file of readdirSync(this.folder).filter((name) => name.endsWith('.deb'))) {
      execFileSync('dpkg-deb', ['-x', join(this.folder, file), root]);
      rmSync(join(this.folder, file));
    }
    writeFileSync(stamp, wanted);
    return root;
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
    throw new Unavailable(`${command} ${args.join(' ')} in ${this.name}: ${why}`);
  }
}

/** That from which this machine installs its own packages. */
function archiveOfMachine() {
  const format = '$(ORIGIN) $(COMPONENT) $(RELEASE) $(SIGNED_BY) $(SITE)';
  const targets = execFileSync('apt-get', ['indextargets', '--format', format], {
    encoding: 'utf8',
  });
  for (const line of targets.split('\n')) {
    const [origin, component, suite, ...rest] = line.split(' ');
    const site = rest.at(-1) ?? '';
    if (origin !== 'Debian' || component !== 'main' || suite.includes('-')) continue;
    const [key] = rest.filter((path) => path.startsWith('/'));
    return { site, suite, signedBy: key ?? '/usr/share/keyrings/debian-archive-keyring.gpg' };
  }
  throw new Unavailable('this machine installs from no archive of Debian');
}
