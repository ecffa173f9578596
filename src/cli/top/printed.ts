/**
 * `top` for a file, a pipe or a program: the first rows of each refresh.
 */
import { setTimeout } from 'node:timers/promises';
import type { PressureSample } from '../../index.js';
import { jsonLine } from '../print/json.js';
import { AddressNames } from '../print/names.js';
import type { Writer } from '../print/writer.js';
import { plainLines } from './frame.js';
import type { TopApi, TopOptions } from './options.js';
import type { Measures, Picture, Row } from './picture.js';
import { dueAfter } from './readings.js';
import { Surveyor } from './survey.js';
import { addressesOf } from './view.js';

/** Of a refresh where the output has no width. */
const COLUMNS = 120;

interface Output {
  readonly writer: Writer;
  readonly columns: number | undefined;
  readonly isJson: boolean;
}

/** Until `signal` aborts, or as often as it is asked for. */
export async function printOnAndOn(
  api: TopApi,
  options: TopOptions,
  { writer, columns = COLUMNS, isJson }: Output,
  signal: AbortSignal,
): Promise<void> {
  const surveyor = new Surveyor(api);
  const names = options.hasNames ? new AddressNames() : undefined;
  let expected = (await api.readPressure()).entries;
  const survey = async () => {
    const { wanted, filters } = options;
    const picture = await surveyor.survey({ wanted, filters, isMeasured: true, expected, signal });
    expected = Math.max(picture.flows, expected);
    return { ...picture, rows: picture.rows.slice(0, options.rows) };
  };
  // A rate needs two readings.
  let { took } = await survey();
  for (let count = 0; count < options.refreshes; count++) {
    const due = dueAfter(surveyor.measuredAt ?? 0, took, options.intervalMs);
    await setTimeout(Math.max(0, due - performance.now()), undefined, { signal });
    const picture = await survey();
    const pressure = await api.readPressure();
    ({ took } = picture);
    await names?.look(picture.rows.flatMap(addressesOf));
    const nameOf = (address: string) => names?.of(address) ?? address;
    if (isJson) {
      await writer.line(jsonLine(jsonOf(picture, pressure)));
    } else {
      const { wanted, filterText } = options;
      if (count > 0) await writer.line('');
      await writer.lines(plainLines({ wanted, filterText, picture, pressure }, columns, nameOf));
    }
    await writer.flush();
  }
}

function jsonOf(picture: Picture, { entries, maxEntries, level }: PressureSample): object {
  const { time, flows, uncounted, unmeasured, byteRate, packetRate, rows } = picture;
  return {
    ...{ time, entries, maxEntries, level, flows, uncounted, unmeasured },
    ...ratesOf({ byteRate, packetRate }),
    rows: rows.map(jsonOfRow),
  };
}

function jsonOfRow(row: Row): object {
  if (row.kind === 'flow') return { ...row.entry, ...ratesOf(row) };
  const { grouping, name, flows, bytes, packets } = row;
  const counted = Number.isNaN(bytes) ? {} : { bytes, packets };
  return { [grouping]: name, flows, ...counted, ...ratesOf(row) };
}

/** What is not known is absent. */
const ratesOf = ({ byteRate, packetRate }: Pick<Measures, 'byteRate' | 'packetRate'>) =>
  Number.isNaN(byteRate) ? {} : { bytesPerSecond: byteRate, packetsPerSecond: packetRate };
