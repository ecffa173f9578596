/**
 * Runs a command line. The executable has this file, and what it imports, as one file: tools/bundle-cli.mjs.
 */
import type { Conntrack } from '../index.js';
import type { Call, Command } from './command.js';
import count from './commands/count.js';
import { EXIT, type ExitCode } from './exit.js';
import type { CommandName } from './line/commands.js';
import { type CommandLine, lastValue, parseLine } from './line/parse.js';
import { Writer, writeTo } from './print/writer.js';
import { UsageError } from './usage-error.js';
import type { World } from './world.js';

/** Of another file of the executable. */
const lazy = () => import('./lazy.js');

/** Never throws for what a person can do wrong: the exit code and the standard error have it. */
export async function run(argv: readonly string[], world: World): Promise<ExitCode> {
  try {
    return await perform(argv, world, new Writer(world.out));
  } catch (error) {
    const { loadFailure, loadHelp } = await lazy();
    if (argv.length === 0) {
      const { helpText } = await loadHelp();
      world.err.write(`${helpText([], world)}\n`);
      return EXIT.usage;
    }
    const { failureOf } = await loadFailure();
    const { code, text } = failureOf(error, argv);
    if (text !== '') world.err.write(`${text}\n`);
    return code;
  }
}

/** @param file Of a line of a file: the handle of the command that runs the file. */
async function perform(
  argv: readonly string[],
  world: World,
  writer: Writer,
  file?: { readonly handle: Conntrack | undefined },
): Promise<ExitCode> {
  const line = parseLine(argv);
  if (line.command === 'help' || line.command === 'version') {
    const { helpText, versionText } = await (await lazy()).loadHelp();
    const text = line.command === 'help' ? helpText(line.words, world) : versionText();
    await writeTo(world.out, `${text}\n`);
    return EXIT.done;
  }
  if (file !== undefined && line.command === 'load') throw new UsageError('-R inside of -R');
  const command = await commandFor(line.command, line);
  const callWith = (handle: Conntrack | undefined): Call => ({
    line,
    world,
    writer,
    run: (words) => perform(words, world, writer, { handle }),
  });
  const netns = lastValue(line.given, 'netns');
  if (netns === undefined) return command(file?.handle, callWith(file?.handle));
  const { openHandle } = await (await lazy()).loadHandle();
  const handle = await openHandle(netns);
  try {
    return await command(handle, callWith(handle));
  } finally {
    await handle.close();
  }
}

const UNCONDITIONAL: ReadonlySet<string> = new Set(['json', 'netns', 'noColor']);

/** Scripts ask for the count every few seconds: it starts without waiting for another file. */
async function commandFor(
  name: CommandName,
  { given, alternatives }: CommandLine,
): Promise<Command> {
  // A first alternative without conditions matches all, whatever the others are.
  const isPlain =
    alternatives[0]?.not.length === 0 &&
    Object.keys(given).every((option) => UNCONDITIONAL.has(option));
  if (name === 'count' && isPlain) return count;
  return (await lazy()).loadCommand(name);
}
