/**
 * What is loaded when it is wanted: every command but count, the help, and messages of failures.
 */
import type { Command } from './command.js';
import type { CommandName } from './line/commands.js';

interface Loaded {
  readonly default: Command;
}

/** `count` with conditions. */
const COMMANDS: Readonly<Record<CommandName, () => Promise<Loaded>>> = {
  list: () => import('./commands/list.js'),
  get: () => import('./commands/get.js'),
  create: () => import('./commands/create.js'),
  update: () => import('./commands/update.js'),
  delete: () => import('./commands/delete.js'),
  flush: () => import('./commands/flush.js'),
  count: () => import('./commands/count-matching.js'),
  watch: () => import('./commands/watch.js'),
  top: () => import('./commands/top.js'),
  stats: () => import('./commands/stats.js'),
  save: () => import('./commands/save.js'),
  restore: () => import('./commands/restore.js'),
  expect: () => import('./commands/expect.js'),
  timeouts: () => import('./commands/timeouts.js'),
  settings: () => import('./commands/settings.js'),
  pressure: () => import('./commands/pressure.js'),
  diagnose: () => import('./commands/diagnose.js'),
  doctor: () => import('./commands/doctor.js'),
  load: () => import('./commands/load.js'),
};

export async function loadCommand(name: CommandName): Promise<Command> {
  const { default: command } = await COMMANDS[name]();
  return command;
}

export const loadFailure = () => import('./failure.js');
export const loadHelp = () => import('./help.js');
export const loadHandle = () => import('./handle.js');
