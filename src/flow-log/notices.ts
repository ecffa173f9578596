/**
 * Makes notices of the settings that leave records incomplete.
 */
import type { EventCoverage, ReliabilityEndedEvent } from '../event/event.js';
import type { TableSettings } from '../health/settings.js';
import type { FlowNotice, FlowNoticeCode } from './flow-record.js';

const SYSCTL = 'net.netfilter.nf_conntrack_';

type Settings = Pick<TableSettings, 'accounting' | 'timestamps'> | undefined;

/** `settings`: `undefined` when they could not be read. */
export function noticesOf(settings: Settings, coverage: EventCoverage): FlowNotice[] {
  const notices: FlowNotice[] = [];
  if (settings === undefined || coverage === 'unknown') {
    notices.push(
      notice(
        'settings-unreadable',
        'The settings of the table cannot be read: nothing says whether flows have counters, times ' +
          'and events. Mount /proc of this network namespace, and let this process read it.',
      ),
    );
  }
  if (settings?.accounting === false) {
    notices.push(
      off(
        'accounting-off',
        'acct',
        'The kernel does not count packets and bytes of flows that begin now: their records have ' +
          'no traffic.',
      ),
    );
  }
  if (settings?.timestamps === false) {
    notices.push(
      off(
        'timestamps-off',
        'timestamp',
        'The kernel does not note when flows begin and end: their records have no times but those ' +
          'at which they were made.',
      ),
    );
  }
  if (coverage === 'none') {
    notices.push(
      off(
        'events-off',
        'events',
        'Flows that begin now send no events: readings of the table find their ends, without the ' +
          'traffic since the reading before, and never flows that begin and end between two.',
      ),
    );
  }
  if (coverage === 'since-listening') {
    notices.push(
      off(
        'older-flows-silent',
        'events',
        'Flows that began before any program listened send no events: readings of the table find ' +
          'their ends, without the traffic since the reading before.',
      ),
    );
  }
  return notices;
}

export function reliabilityEnded({ entries, maxEntries }: ReliabilityEndedEvent): FlowNotice {
  return notice(
    'reliability-ended',
    `Ends of flows that waited to be recorded were about to fill the table (${entries} entries of ` +
      `${maxEntries}): from here on they can be lost. Read the records faster, or raise ` +
      `${SYSCTL}max.`,
  );
}

/** `at`: when the recorder was asked to end. */
export function finished(at: Date): FlowNotice {
  const message = 'The recorder was asked to end. Flows that end from here on have no record.';
  return { ...notice('finished', message), at };
}

function off(code: FlowNoticeCode, name: string, message: string): FlowNotice {
  const setting = `${SYSCTL}${name}`;
  return {
    ...notice(code, `${message} Set ${setting} to 1; it holds for flows that begin afterwards.`),
    setting,
    suggested: 1,
  };
}

function notice(code: FlowNoticeCode, message: string): FlowNotice {
  return { type: 'notice', code, message, at: new Date() };
}
