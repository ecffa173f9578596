/**
 * The flows that are open at the end of the files, by their names: the file `open-flows.ndjson` has
 * the last part of each, as they were when a file was complete, and the files behind it have the rest.
 */
import { createReadStream } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { FlowPart, FlowRecord } from '../flow-record.js';
import { FlowProgress } from '../progress.js';
import type { FlowHistory } from '../writer.js';
import { syncDirectory } from './compress.js';
import { linesOf } from './lines.js';
import { OPEN_FLOWS } from './names.js';
import { type OnDamage, recordIn, recordsIn } from './read-flow-files.js';

/** The first line. */
interface Head {
  /** The last file whose records are in it. */
  readonly after: string;
  readonly until: Date;
}

export class OpenFlows {
  private readonly directory: string;
  /** The number of the last part, by flow. */
  private readonly parts = new Map<string, number>();
  private readonly progress = new FlowProgress();
  private head: Head | undefined;

  private readonly onDamage: OnDamage;

  constructor(directory: string, onDamage: OnDamage) {
    this.directory = directory;
    this.onDamage = onDamage;
  }

  /** The last file whose records are saved; those after it are needed. */
  get savedUpTo(): string | undefined {
    return this.head?.after;
  }

  /** Reads what there is. */
  async load(): Promise<void> {
    for await (const line of this.saved()) this.add(line);
    if (this.head !== undefined) this.progress.reach(this.head.until);
    for await (const record of recordsIn(this.directory, this.head?.after, this.onDamage))
      this.add(record);
  }

  add(record: FlowRecord): void {
    this.progress.add(record);
    if (record.type !== 'flow') return;
    if (record.outcome === 'open') this.parts.set(record.flow, record.part);
    else this.parts.delete(record.flow);
  }

  /** What the next recorder has to know. */
  get history(): FlowHistory | undefined {
    const { until } = this.progress;
    return until === undefined ? undefined : { until, open: this.lastParts(undefined) };
  }

  /** Saves what is open, when the file with this name is complete. */
  async save(name: string): Promise<void> {
    const { until } = this.progress;
    if (until === undefined) return;
    const path = join(this.directory, OPEN_FLOWS);
    const half = `${path}.part`;
    const handle = await open(half, 'w', 0o640);
    try {
      let text = `${JSON.stringify({ after: name, until } satisfies Head)}\n`;
      for await (const part of this.lastParts(name)) {
        text += `${JSON.stringify(part)}\n`;
        if (text.length < PIECE) continue;
        await handle.writeFile(text);
        text = '';
      }
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(half, path);
    await syncDirectory(this.directory);
    this.head = { after: name, until };
  }

  /** `until`: the last file to look into; all of them by default. */
  private async *lastParts(until: string | undefined): AsyncGenerator<FlowPart, undefined> {
    const isLast = ({ flow, part }: FlowPart) => this.parts.get(flow) === part;
    for await (const part of this.saved()) if (isLast(part)) yield part;
    const mayBeLast = (text: string) => {
      const [, flow, part] = PREFIX.exec(text) ?? [];
      return flow === undefined || this.parts.get(flow) === Number(part);
    };
    const { directory, head, onDamage } = this;
    for await (const record of recordsIn(directory, head?.after, onDamage, until, mayBeLast)) {
      if (record.type === 'flow' && isLast(record)) yield record;
    }
    return undefined;
  }

  private async *saved(): AsyncGenerator<FlowPart, undefined> {
    const path = join(this.directory, OPEN_FLOWS);
    this.head = undefined;
    let handle: Awaited<ReturnType<typeof open>>;
    try {
      handle = await open(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    const stream = createReadStream(path, { fd: handle, autoClose: true });
    for await (const { number, text } of linesOf(stream)) {
      try {
        if (number === 1) this.head = headIn(text);
        else yield recordIn(text) as FlowPart;
      } catch (error) {
        this.onDamage({ file: path, line: number, error: error as Error });
      }
    }
    return undefined;
  }
}

/** How the line of a flow begins: most need not be read further. */
const PREFIX = /^\{"type":"flow","flow":"([^"\\]*)","part":(\d+),/;

/** Characters that are written at a time. */
const PIECE = 65_536;

function headIn(text = ''): Head {
  const { after, until } = JSON.parse(text) as { readonly after: unknown; readonly until: unknown };
  const time = new Date(until as string);
  if (typeof after !== 'string' || Number.isNaN(time.getTime())) {
    throw new TypeError('the first line has no "after" and "until"');
  }
  return { after, until: time };
}
