/**
 * What the running kernel has.
 */
import { type Conntrack, ConntrackError, type TimeoutProtocol } from 'conntrack';

/** Whether it tracks the protocol by more than addresses; DCCP until Linux 6.15. */
export const hasTimeoutsOf =
  (protocol: TimeoutProtocol) =>
  async (handle: Conntrack): Promise<boolean> => {
    try {
      await handle.readDefaultTimeouts(protocol);
      return true;
    } catch (error) {
      if (error instanceof ConntrackError && error.code === 'ERR_CONNTRACK_UNSUPPORTED')
        return false;
      throw error;
    }
  };
