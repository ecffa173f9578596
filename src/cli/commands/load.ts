/** Runs the lines of a file as command lines, as -R of conntrack(8) does. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Command, warn } from '../command.js';
import { EXIT } from '../exit.js';

/** A line that finds nothing is no failure; every other failure ends the file. */
const load: Command = async (_handle, { line, world, run }) => {
  const [file = '-'] = line.words;
  const input = file === '-' ? world.in() : createReadStream(file);
  let number = 0;
  for await (const text of createInterface({ input })) {
    number++;
    const words = text.split(/\s+/).filter((word) => word !== '');
    if (words.length === 0 || words[0]?.startsWith('#')) continue;
    try {
      await run(words);
    } catch (error) {
      warn({ world }, `line ${number} ends the file`);
      throw error;
    }
  }
  return EXIT.done;
};

export default load;
