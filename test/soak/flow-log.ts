/**
 * A flow log that is open from the beginning to the end, and its sums.
 */
import { type FlowLogOptions, type FlowRecorder, recordFlows } from 'conntrack/flow-log';

export class FlowLog {
  readonly recorder: FlowRecorder;
  /** Of all records. */
  readonly sums = { packets: 0, bytes: 0 };
  lost = 0;
  /** What must not be. */
  problem: string | undefined;
  /** By flow: its parts, while it is open. */
  readonly #open = new Map<string, number>();
  readonly #mustBeExact: boolean;
  readonly #read: Promise<void>;

  /** `mustBeExact`: each flow sends events, and nobody sets its counters to 0. */
  constructor(options: FlowLogOptions, mustBeExact: boolean) {
    this.#mustBeExact = mustBeExact;
    this.recorder = recordFlows(options);
    this.#read = this.#take();
  }

  async close(): Promise<void> {
    await this.recorder.close();
    await this.#read;
  }

  async #take(): Promise<void> {
    for await (const batch of this.recorder.batches()) {
      for (const record of batch) {
        if (record.type === 'lost') this.lost += record.count;
        if (record.type !== 'flow') continue;
        const { flow, part, outcome, traffic, estimated } = record;
        if (part !== (this.#open.get(flow) ?? 0) + 1) this.problem = `part ${part} of ${flow}`;
        if (estimated && this.#mustBeExact && this.lost === 0)
          this.problem = `estimated: ${JSON.stringify(record)}`;
        if (outcome === 'open') this.#open.set(flow, part);
        else this.#open.delete(flow);
        this.sums.packets += traffic?.original.packets ?? 0;
        this.sums.bytes += traffic?.original.bytes ?? 0;
      }
    }
  }
}
