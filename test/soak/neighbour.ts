/**
 * Another program on the same table: test/support/native/neighbour.cc.
 */
import type { Entry } from 'conntrack';
import { type Child, ended, Place, program } from './place.js';

/** What the kernel did of some requests. */
export interface Done {
  readonly changed: number;
  readonly refused: number;
}

export class Neighbour implements AsyncDisposable {
  readonly #child: Child;
  readonly #waiting: ((done: Done) => void)[] = [];
  #text = '';

  constructor(place = new Place()) {
    this.#child = place.start(program('neighbour'));
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (this.#text + text).split('\n');
      this.#text = lines.pop() ?? '';
      for (const line of lines) {
        const [changed, refused] = line.split(' ').map(Number);
        this.#waiting.shift()?.({ changed: changed ?? 0, refused: refused ?? 0 });
      }
    });
  }

  create(first: number, count: number): Promise<Done> {
    return this.#do(`create ${first} ${count}`);
  }

  update(first: number, count: number, mark: number): Promise<Done> {
    return this.#do(`update ${first} ${count} ${mark}`);
  }

  delete(first: number, count: number): Promise<Done> {
    return this.#do(`delete ${first} ${count}`);
  }

  flush(): Promise<Done> {
    return this.#do('flush');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const code = await ended(this.#child);
    if (code !== 0) throw new Error(`neighbour ended with ${code}`);
  }

  #do(line: string): Promise<Done> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#child.stdin.write(`${line}\n`);
    });
  }
}

const IPV4 = 0x0ac00000;

/** The number of an entry of a neighbour, `undefined` of any other entry. */
export function numberOf({ family, original: { source } }: Entry): number | undefined {
  if (family === 'ipv4') {
    const number = source.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0) - IPV4;
    return number >= 0 && number < 2 ** 22 ? number : undefined;
  }
  if (!source.startsWith('fd02::')) return undefined;
  const [low = '', high = ''] = source.slice('fd02::'.length).split(':').reverse();
  return Number.parseInt(high || '0', 16) * 65536 + Number.parseInt(low || '0', 16);
}
