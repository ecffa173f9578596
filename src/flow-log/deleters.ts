/**
 * The programs that delete flows.
 */
import { LIMITS } from '../core/limits.js';
import type { FlowDeleter } from './flow-record.js';
import type { FlowTableHandle } from './options.js';

/** A program that deletes many flows is looked up once in a while: a look reads /proc. */
export class Deleters {
  private readonly known = new Map<
    number,
    { readonly deleter: FlowDeleter; readonly at: number }
  >();
  private readonly handle: Pick<FlowTableHandle, 'findOrigin'>;

  constructor(handle: Pick<FlowTableHandle, 'findOrigin'>) {
    this.handle = handle;
  }

  /** Looks up all of them; `get` returns the result. */
  async find(portIds: ReadonlySet<number>): Promise<void> {
    const now = performance.now();
    for (const [portId, { at }] of this.known) {
      if (now - at > LIMITS.originKnownMs) this.known.delete(portId);
    }
    for (const portId of portIds) {
      if (this.known.has(portId)) continue;
      this.known.set(portId, { deleter: await this.look(portId), at: now });
    }
  }

  get(portId: number): FlowDeleter {
    return this.known.get(portId)?.deleter ?? { portId };
  }

  private async look(portId: number): Promise<FlowDeleter> {
    try {
      const program = await this.handle.findOrigin(portId);
      return program === undefined ? { portId } : { portId, pid: program.pid, name: program.name };
    } catch {
      // A process that may not look into others still records that there was a program.
      return { portId };
    }
  }
}
