/**
 * Which flows send events, and a warning to who would wait for those that do not.
 */
import { loadAddon } from '../core/load-addon.js';
import type { NetNamespaceArgument } from '../core/native.js';
import { settingPath } from '../core/setting-path.js';
import { EVENT_GROUPS } from '../record/layout.js';
import type { EventCoverage } from './event.js';

const COVERAGE: Readonly<Record<string, EventCoverage>> = {
  '0': 'none',
  '1': 'all',
  '2': 'since-listening',
};

export function readCoverage(netns: NetNamespaceArgument): EventCoverage {
  // No text: no /proc, or a kernel without CONFIG_NF_CONNTRACK_EVENTS.
  const [{ text = '' } = {}] = loadAddon().readFiles(netns, [settingPath('events')]);
  return COVERAGE[text.trim()] ?? 'unknown';
}

const bit = (group: number) => 1 << (group - 1);
const NEW = bit(EVENT_GROUPS.new);
const OF_FLOWS = NEW | bit(EVENT_GROUPS.update) | bit(EVENT_GROUPS.destroy);

const SILENT: Partial<Record<EventCoverage, string>> = {
  'since-listening':
    'flows that began while no program listened to events send none: of those, watchEvents() reports ' +
    'neither update nor destroy (net.netfilter.nf_conntrack_events is 2)',
  none:
    'flows that begin while net.netfilter.nf_conntrack_events is 0 send no events: watchEvents() ' +
    'reports none of them',
};

let warned = false;

/**
 * Warns once in a process. Who asks for `new` as well sees which flows are reported; others would
 * take silence for quiet.
 */
export function warnOfSilence(coverage: EventCoverage, groups: number): void {
  const message = SILENT[coverage];
  if (warned || message === undefined || (groups & OF_FLOWS) === 0) return;
  if (coverage === 'since-listening' && (groups & NEW) !== 0) return;
  warned = true;
  process.emitWarning(message, {
    type: 'ConntrackWarning',
    code: 'CONNTRACK_SILENT_FLOWS',
    detail:
      "Run `sysctl -w net.netfilter.nf_conntrack_events=1`, or call writeSettings({ events: 'on' }): " +
      'flows that begin afterwards send events. The coverage of the stream is this setting.',
  });
}
