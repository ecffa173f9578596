/**
 * Creating an entry, or changing the one that is there.
 */
import { ConntrackError, isMissing } from '../core/errors.js';
import { DCCP_ROLES, DCCP_STATES } from '../core/names.js';
import type { RequestQueue } from '../request/queue.js';
import { ALL_LABELS, type CheckedChanges } from './check-changes.js';
import { type CheckedSpec, specOf } from './check-spec.js';
import { create } from './create.js';
import type { Entry } from './entry.js';
import { unchangeableError } from './errors.js';
import { namedBy } from './named-key.js';
import { lookUp } from './requests.js';
import type { EntrySpec, ReplySpec, UpsertResult } from './spec.js';
import { change, holds } from './update.js';

/** An entry may end, or begin, between the creation and the look that follows it. */
const UPSERT_TRIES = 3;

export async function upsertEntry(
  requests: RequestQueue,
  given: EntrySpec | ReplySpec,
): Promise<UpsertResult> {
  const operation = 'upsertEntry';
  const spec = specOf(given, 'spec');
  const { protocol, original, zone } = spec;
  const key = namedBy({
    ...{ protocol, original, zone, isOver: false },
    ...{ reply: undefined, id: undefined, startTimeNs: undefined },
  });
  for (let tries = 1; ; tries++) {
    const { entry, error } = await create(requests, operation, spec, (result) => result);
    if (entry !== undefined) return { entry, created: true };
    if (!(error instanceof ConntrackError) || error.code !== 'EEXIST') throw error;
    const current = await lookUp(requests, operation, key);
    if (current === undefined) {
      // Its reply tuple is that of another entry, unless it has ended meanwhile.
      if (tries === UPSERT_TRIES) throw error;
      continue;
    }
    const differing = unchangeable(spec, current);
    if (differing.length > 0) throw unchangeableError(operation, differing);
    try {
      return {
        entry: await change(requests, operation, current, changesOfSpec(spec)),
        created: false,
      };
    } catch (error) {
      const isGone = error instanceof ConntrackError && isMissing(error);
      if (!isGone || tries === UPSERT_TRIES) throw error;
    }
  }
}

/** What an update leaves as it is, and the entry has otherwise. */
function unchangeable(spec: CheckedSpec, current: Entry): string[] {
  const { hasReply, nat, reply, master, dccp } = spec;
  const asked = {
    reply: hasReply && nat === undefined ? reply : undefined,
    nat,
    master: master?.tuple,
    dccp: dccp && { ...dccp, state: DCCP_STATES[dccp.state], role: DCCP_ROLES[dccp.role] },
  };
  const names = Object.keys(asked) as (keyof typeof asked)[];
  return names.filter((name) => !holds(current[name], asked[name]));
}

/** What an update can give it. */
function changesOfSpec(spec: CheckedSpec): CheckedChanges {
  const { helper, timeout, status, tcp, sctp, mark, sequenceAdjust, synproxy, labels } = spec;
  const all = labels === undefined ? undefined : { value: labels, mask: ALL_LABELS };
  return { helper, timeout, status, tcp, sctp, mark, sequenceAdjust, synproxy, labels: all };
}
