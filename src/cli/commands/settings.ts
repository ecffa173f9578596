/** Prints or changes settings. */
import { readSettings, type TableSettings, writeSettings } from '../../index.js';
import { type Call, command, tell } from '../command.js';
import { EXIT, type ExitCode } from '../exit.js';
import { tableOf } from '../print/columns.js';
import { jsonLine } from '../print/json.js';
import { type ShownSetting, shortText, shownSettings, valueText } from '../print/settings.js';
import { paintOf } from '../print/style.js';
import { settingChangesIn, settingNameIn } from '../read/settings.js';

export default command({ readSettings, writeSettings }, async (api, call) => {
  const { words, given } = call.line;
  const pairs = words.filter((word) => word.includes('='));
  const names = words.map((word) => settingNameIn(word.split('=')[0] ?? ''));
  if (pairs.length === 0 || given.dryRun !== undefined) {
    if (pairs.length > 0) return printChanges(call, await api.readSettings(), pairs);
    return print(call, await api.readSettings(), names);
  }
  const before = await api.readSettings();
  const after = await api.writeSettings(settingChangesIn(pairs));
  for (const name of names) {
    if (before[name] === after[name]) tell(call, `${name} is so already`);
  }
  return print(call, after, names);
});

const columnsOf = (sysctl: string) => [
  { head: 'SETTING' },
  { head: 'VALUE', isNumber: true },
  { head: '', isNumber: true },
  { head: sysctl },
];

/** From so many columns on the whole name of a sysctl has room. */
const WIDE_FROM = 100;
const PREFIX = 'nf_conntrack_';

async function print(
  { line, world, writer }: Call,
  settings: TableSettings,
  names: readonly string[],
): Promise<ExitCode> {
  const all = shownSettings(settings);
  const shown = names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
  if (line.given.json !== undefined) {
    await writer.lines(shown.map((one) => jsonLine(one)));
  } else {
    const paint = paintOf(world, line.given.noColor !== undefined);
    const isWide = world.out.isTTY !== true || (world.out.columns ?? 80) >= WIDE_FROM;
    const rows = shown.map((setting) => rowOf(setting, isWide ? '' : PREFIX));
    await writer.lines(tableOf(columnsOf(isWide ? 'SYSCTL' : `${PREFIX}...`), rows, paint));
  }
  await writer.flush();
  return EXIT.done;
}

const rowOf = (setting: ShownSetting, without: string) => [
  { text: setting.name },
  { text: valueText(setting) },
  { text: shortText(setting), style: 'dim' as const },
  { text: setting.sysctl.slice(without.length), style: 'dim' as const },
];

async function printChanges(
  { writer }: Call,
  settings: TableSettings,
  pairs: readonly string[],
): Promise<ExitCode> {
  const changes = Object.entries(settingChangesIn(pairs));
  await writer.lines(
    changes.map(([name, value]) => {
      const before = settings[name as keyof TableSettings];
      return `${name}: ${String(before ?? 'absent')} would become ${String(value)}`;
    }),
  );
  await writer.flush();
  return EXIT.done;
}
