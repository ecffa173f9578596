import { Conntrack } from '../index.js';

/** Opens a handle on another network namespace: by the id of a process, a name or a path. */
export const openHandle = (netns: string): Promise<Conntrack> =>
  Conntrack.open({ netns: /^\d+$/.test(netns) ? { pid: Number(netns) } : netns });
