/**
 * `top` on a terminal: readings, keys and drawings.
 */
import type { EntryFilter } from '../../index.js';
import { firstLineOf } from '../failure.js';
import { destinationOf, markOf, sourceOf } from '../print/flow-table.js';
import { AddressNames } from '../print/names.js';
import type { Paint } from '../print/style.js';
import type { Labels } from '../read/labels.js';
import { markIn } from '../read/values.js';
import { UsageError } from '../usage-error.js';
import type { World } from '../world.js';
import { FlowDetails } from './details.js';
import { filtersOfText, within } from './filter-text.js';
import { frameOf, roomIn } from './frame.js';
import { GROUPING_NAMES, groupingOf } from './groupings.js';
import { type Action, actionOf, type Key } from './keys.js';
import type { TopApi, TopOptions } from './options.js';
import type { FlowRow, Picture } from './picture.js';
import { Prompt } from './prompt.js';
import { Readings } from './readings.js';
import { Screen } from './screen.js';
import { type Question, Surveyor } from './survey.js';
import { Terminal } from './terminal.js';
import { addressesOf, follow, select, selectedRow, type View } from './view.js';
import { type Order, ordersOf, type Wanted } from './wanted.js';

/** A line that a person types, and what the session does with it. */
interface Asking {
  readonly prompt: Prompt;
  readonly changed?: (text: string) => void;
  readonly done: (text: string) => void;
  readonly left?: () => void;
  /** The answer is a single key, and no paste. */
  readonly isAnswer?: true;
}

/** Where Esc goes back to from the flows of a group. */
type Place = Pick<View, 'wanted' | 'filterText' | 'selected' | 'top'>;

export class Session {
  readonly #api: TopApi;
  readonly #paint: Paint;
  readonly #labels: Labels;
  readonly #intervalMs: number;
  readonly #readings: Readings;
  readonly #screen: Screen;
  readonly #terminal: Terminal;
  readonly #ending = new AbortController();
  readonly #view: View;
  readonly #places: Place[] = [];
  #filters: readonly EntryFilter[] | undefined;
  #question: Asking | undefined;
  #names: AddressNames | undefined;
  #isLooking = false;
  #quit: () => void = () => undefined;
  #fail: (error: unknown) => void = () => undefined;

  constructor(api: TopApi, world: World, options: TopOptions, labels: Labels, paint: Paint) {
    this.#api = api;
    this.#paint = paint;
    this.#labels = labels;
    this.#intervalMs = options.intervalMs;
    this.#filters = options.filters;
    this.#names = options.hasNames ? new AddressNames() : undefined;
    this.#readings = new Readings(new Surveyor(api), {
      intervalMs: options.intervalMs,
      question: () => this.#asked(),
      isPaused: () => this.#view.isPaused,
      show: async (picture, isMeasured) => this.#show(picture, isMeasured),
    });
    this.#screen = new Screen(world.out);
    this.#terminal = new Terminal(this.#screen, world.in(), world.out, {
      key: (key) => {
        this.#press(key);
      },
      redraw: () => {
        this.#screen.clear();
        this.#draw();
      },
      gone: () => {
        this.#quit();
      },
    });
    this.#view = {
      wanted: options.wanted,
      filterText: options.filterText,
      ...{ picture: undefined, pressure: undefined, selected: undefined, top: 0 },
      ...{ prompt: undefined, message: undefined, page: undefined },
      ...{ isPaused: false, isReading: false },
    };
  }

  /** Until a key ends it. */
  async run(): Promise<void> {
    const quitting = new Promise<void>((resolve, reject) => {
      this.#quit = resolve;
      this.#fail = reject;
    });
    this.#terminal.take();
    this.#draw();
    let first: () => void = () => undefined;
    const known = new Promise<void>((resolve) => {
      first = resolve;
    });
    const { signal } = this.#ending;
    const work = [this.#watchPressure(first), known.then(async () => this.#readings.run(signal))];
    try {
      await Promise.race([quitting, ...work.map(async (one) => one.then(async () => quitting))]);
    } finally {
      this.#terminal.release();
      this.#ending.abort();
      this.#readings.askAgain();
      this.#names?.close();
      await Promise.allSettled(work);
    }
  }

  /** @param first Called when the size of the table is known, or cannot be read. */
  async #watchPressure(first: () => void): Promise<void> {
    const { signal } = this.#ending;
    const intervalMs = this.#intervalMs;
    try {
      for await (const sample of this.#api.watchPressure({ intervalMs, signal })) {
        if (!this.#view.isPaused) this.#view.pressure = sample;
        this.#draw();
        first();
      }
    } catch (error) {
      // Without /proc the rest is there.
      if (!signal.aborted) this.#say(firstLineOf(error), true);
    } finally {
      first();
    }
  }

  #asked(): Pick<Question, 'wanted' | 'filters' | 'expected'> {
    const { wanted, pressure, picture } = this.#view;
    const expected = Math.max(pressure?.entries ?? 0, picture?.flows ?? 0);
    return { wanted, filters: this.#filters, expected };
  }

  /** Reads at once, because a key has changed the question. */
  #askAgain(): void {
    this.#view.isReading = true;
    this.#readings.askAgain();
  }

  async #show(picture: Picture, isMeasured: boolean): Promise<void> {
    const view = this.#view;
    view.picture = picture;
    view.isReading = false;
    follow(view, roomIn(this.#screen.size));
    if (isMeasured && view.page instanceof FlowDetails) {
      await this.#during(view.page.read(this.#api));
    }
    this.#draw();
    this.#look();
  }

  #look(): void {
    const names = this.#names;
    if (names === undefined || this.#isLooking) return;
    this.#isLooking = true;
    const { picture, top } = this.#view;
    const visible = picture?.rows.slice(top, top + roomIn(this.#screen.size)) ?? [];
    void names.look(visible.flatMap(addressesOf)).then(() => {
      this.#isLooking = false;
      this.#draw();
    });
  }

  #draw(): void {
    const nameOf = (address: string) => this.#names?.of(address) ?? address;
    this.#view.prompt = this.#question?.prompt;
    const { lines, cursor } = frameOf(this.#view, this.#screen.size, nameOf, this.#paint);
    this.#screen.draw(lines, cursor);
  }

  #say(text: string, isError = false): void {
    this.#view.message = { text, isError };
    this.#draw();
  }

  #press(key: Key): void {
    try {
      if (this.#question !== undefined) this.#type(this.#question, key);
      // A paste is no command.
      else if (key.isPasted !== true) this.#act(actionOf(key));
    } catch (error) {
      this.#fail(error);
    }
    this.#draw();
  }

  #type(question: Asking, key: Key): void {
    const { prompt, changed, done, left, isAnswer = false } = question;
    if (key.isPasted === true && (isAnswer || key.name === 'return')) return;
    switch (prompt.press(key)) {
      case 'changed':
        this.#view.message = undefined;
        changed?.(prompt.text);
        break;
      case 'done':
        this.#question = undefined;
        done(prompt.text);
        break;
      case 'left':
        this.#question = undefined;
        this.#view.message = undefined;
        left?.();
    }
  }

  #act(action: Action | undefined): void {
    if (action === undefined) return;
    this.#view.message = undefined;
    const isHelp = this.#view.page === 'help';
    if (isHelp) this.#view.page = undefined;
    if (!isHelp || action === 'quit' || action === 'suspend') this.#actions[action]();
  }

  readonly #actions: Readonly<Record<Action, () => void>> = {
    rate: () => {
      this.#sort('rate');
    },
    total: () => {
      this.#sort('total');
    },
    age: () => {
      this.#sort('age');
    },
    flows: () => {
      this.#sort('flows');
    },
    unit: () => {
      const { wanted } = this.#view;
      this.#want({ ...wanted, unit: wanted.unit === 'bytes' ? 'packets' : 'bytes' });
    },
    group: () => {
      this.#group(1);
    },
    groupBack: () => {
      this.#group(-1);
    },
    filter: () => {
      this.#askForFilter();
    },
    open: () => {
      this.#open();
    },
    back: () => {
      this.#back();
    },
    mark: () => {
      this.#askForMark();
    },
    cut: () => {
      this.#askToCut();
    },
    up: () => {
      this.#select((index) => index - 1);
    },
    down: () => {
      this.#select((index) => index + 1);
    },
    pageUp: () => {
      this.#select((index) => index - roomIn(this.#screen.size));
    },
    pageDown: () => {
      this.#select((index) => index + roomIn(this.#screen.size));
    },
    first: () => {
      this.#view.selected = undefined;
      this.#view.top = 0;
    },
    last: () => {
      this.#select(() => Number.MAX_SAFE_INTEGER);
    },
    names: () => {
      this.#names?.close();
      this.#names = this.#names === undefined ? new AddressNames() : undefined;
      this.#look();
    },
    pause: () => {
      this.#view.isPaused = !this.#view.isPaused;
      if (!this.#view.isPaused) this.#readings.goOn();
    },
    redraw: () => {
      this.#screen.clear();
    },
    suspend: () => {
      this.#terminal.suspend();
    },
    help: () => {
      this.#view.page = 'help';
    },
    quit: () => {
      this.#quit();
    },
  };

  #sort(order: Order): void {
    const { wanted } = this.#view;
    if (!ordersOf(wanted.grouping).includes(order)) {
      this.#say(
        order === 'age' ? 'groups have no age' : 'only groups have a number of flows',
        true,
      );
      return;
    }
    const isReversed = wanted.order === order && !wanted.isReversed;
    this.#want({ ...wanted, order, isReversed });
  }

  #group(step: 1 | -1): void {
    const { wanted } = this.#view;
    const all = [undefined, ...GROUPING_NAMES];
    const at = all.indexOf(wanted.grouping) + step;
    this.#want({ ...wanted, grouping: all.at(at % all.length) });
  }

  /** A view of other rows: the first ones are shown. */
  #want(wanted: Wanted): void {
    const order = ordersOf(wanted.grouping).includes(wanted.order) ? wanted.order : 'rate';
    this.#view.wanted = { ...wanted, order };
    this.#view.page = undefined;
    this.#first();
  }

  #first(): void {
    this.#view.selected = undefined;
    this.#view.top = 0;
    this.#askAgain();
  }

  #askForFilter(): void {
    const before = this.#view.filterText;
    this.#view.page = undefined;
    this.#question = {
      prompt: new Prompt('filter: ', before === '' ? '' : `${before} `),
      changed: (text) => {
        this.#filter(text);
      },
      done: (text) => {
        this.#filter(text);
        // A text that is no filter has changed nothing.
        if (this.#view.message?.isError !== true) this.#places.length = 0;
      },
      left: () => {
        this.#filter(before);
      },
    };
  }

  /** A text that is not complete leaves the last one that was. */
  #filter(text: string): void {
    const { bits } = this.#labels;
    const trimmed = text.trim();
    if (trimmed === this.#view.filterText) return;
    try {
      this.#filters = filtersOfText(trimmed, bits);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      this.#say(error.message, true);
      return;
    }
    this.#view.filterText = trimmed;
    this.#first();
  }

  #open(): void {
    if (this.#view.page !== undefined) return;
    const row = selectedRow(this.#view);
    if (row === undefined) {
      this.#say('select a row first: Down', true);
    } else if (row.kind === 'flow') {
      const page = new FlowDetails(row, this.#labels.byBit);
      this.#view.page = page;
      void this.#during(page.read(this.#api));
    } else {
      const { wanted, filterText, selected, top } = this.#view;
      const place = { wanted, filterText, selected, top };
      this.#filter(within(filterText, groupingOf(row.grouping).conditions(row.name)));
      if (this.#view.message?.isError === true) return;
      this.#places.push(place);
      this.#want({ ...wanted, grouping: undefined });
    }
  }

  #back(): void {
    if (this.#view.page !== undefined) {
      this.#view.page = undefined;
      return;
    }
    const place = this.#places.pop();
    if (place === undefined) return;
    this.#filter(place.filterText);
    Object.assign(this.#view, place);
    this.#askAgain();
  }

  /** The flow that a key is about. */
  #flow(): FlowRow | undefined {
    const { page } = this.#view;
    const row = page instanceof FlowDetails ? page.row : selectedRow(this.#view);
    if (row?.kind === 'flow') return row;
    this.#say(
      row === undefined ? 'select a flow first: Down' : 'open the group first: Enter',
      true,
    );
    return undefined;
  }

  #askForMark(): void {
    const row = this.#flow();
    if (row === undefined) return;
    this.#question = {
      prompt: new Prompt(`mark of ${textOf(row)}: `),
      done: (text) => {
        if (text.trim() === '') return;
        void this.#during(this.#mark(row, text.trim()));
      },
    };
  }

  async #mark(row: FlowRow, text: string): Promise<void> {
    const { value, mask } = markIn(text);
    const mark = mask === undefined ? value : { value, mask };
    const entry = await this.#api.updateEntry(row.entry, { mark });
    this.#say(`${textOf(row)} has the mark ${markOf(entry.mark ?? 0)}`);
    this.#askAgain();
  }

  #askToCut(): void {
    const row = this.#flow();
    if (row === undefined) return;
    const answer = (text: string) => {
      this.#question = undefined;
      if (/^y/i.test(text)) void this.#during(this.#cut(row));
      else this.#say('nothing was cut');
    };
    this.#question = {
      prompt: new Prompt(`cut ${textOf(row)}? [y/N] `),
      ...{ changed: answer, done: answer, isAnswer: true },
    };
  }

  async #cut(row: FlowRow): Promise<void> {
    const isCut = await this.#api.deleteEntry(row.entry);
    this.#say(isCut ? `cut ${textOf(row)}` : `${textOf(row)} had ended already`);
    this.#askAgain();
  }

  /** Shows an error as a message. */
  async #during(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (!this.#ending.signal.aborted) this.#say(firstLineOf(error), true);
    }
    this.#draw();
  }

  #select(next: (index: number) => number): void {
    if (this.#view.page === undefined) select(this.#view, roomIn(this.#screen.size), next);
  }
}

const textOf = ({ protocol, entry: { original } }: FlowRow) => {
  const nameOf = (address: string) => address;
  return `${protocol} ${sourceOf(original, nameOf)} -> ${destinationOf(original, nameOf)}`;
};
