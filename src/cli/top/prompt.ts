/**
 * A line that a person types.
 */
import type { Key } from './keys.js';

export class Prompt {
  readonly label: string;
  text: string;

  constructor(label: string, text = '') {
    this.label = label;
    this.text = text;
  }

  /** @returns what the key has done; `undefined`: nothing. */
  press({ sequence = '', name = '', ctrl = false }: Key): 'changed' | 'done' | 'left' | undefined {
    if (name === 'return' || name === 'enter') return 'done';
    if (name === 'escape' || (ctrl && (name === 'c' || name === 'g'))) return 'left';
    const before = this.text;
    if (name === 'backspace') this.text = before.slice(0, -1);
    else if (ctrl && name === 'u') this.text = '';
    else if (ctrl && name === 'w') this.text = before.replace(/\S+\s*$/, '');
    else if (/^[\u0020-\u007e]+$/.test(sequence)) this.text = before + sequence;
    return this.text === before ? undefined : 'changed';
  }
}
