/**
 * Serves the page, and to each open page the moments as server-sent events.
 */
import { createServer, type Server, type ServerResponse } from 'node:http';
import { Audience } from './audience.js';
import { KEPT_SAMPLES, type Moment, Monitor, type Table, THRESHOLDS } from './monitor.js';
import { type Page, readPage } from './page.js';
import { refusalOf } from './requests.js';

/** Pages that are open at the same time. */
export const MOST_PAGES = 16;
/** These, and requests beside them. */
const MOST_CONNECTIONS = 64;
/** After a lost connection the browser waits so long. */
const RETRY_MS = 2000;

export interface DashboardOptions {
  readonly table: Table;
  /** The name of the table on the page, such as that of the host. */
  readonly title: string;
  readonly intervalMs: number;
  /** Names under which browsers reach the page, beside addresses and `localhost`. */
  readonly names?: readonly string[];
  readonly notice?: () => string | null;
}

export class Dashboard {
  readonly server: Server;
  readonly #audience = new Audience(MOST_PAGES);
  readonly #ending = new AbortController();
  readonly #monitor: Monitor;
  readonly #page: Page;
  readonly #options: DashboardOptions;
  readonly #ended: Promise<void>;

  constructor(options: DashboardOptions) {
    const { names = [], table, intervalMs, notice = () => null } = options;
    const known = new Set(names.map((name) => name.toLowerCase()));
    this.#options = options;
    this.#page = readPage();
    this.#monitor = new Monitor({
      table,
      intervalMs,
      notice,
      isWatched: () => this.#audience.size > 0,
      show: () => {
        this.#audience.send(eventOf('moment', this.#monitor.moment));
      },
    });
    this.server = createServer((request, response) => {
      for (const [name, value] of Object.entries(this.#page.headers))
        response.setHeader(name, value);
      const refusal = refusalOf(request, known);
      if (refusal === undefined)
        this.#answer(request.url ?? '/', request.method === 'HEAD', response);
      else answerWith(response, refusal.status, refusal.reason);
    });
    this.server.maxConnections = MOST_CONNECTIONS;
    this.#ended = this.#monitor.run(this.#ending.signal);
  }

  async close(): Promise<void> {
    this.#ending.abort();
    this.server.close();
    this.#audience.close();
    this.server.closeAllConnections();
    await this.#ended;
  }

  #answer(url: string, isHead: boolean, response: ServerResponse): void {
    const [path = ''] = url.split('?', 1);
    const file = this.#page.files.get(path);
    if (file !== undefined) {
      response.setHeader('Content-Length', file.content.length);
      response.writeHead(200, { 'Content-Type': file.type });
      response.end(isHead ? undefined : file.content);
    } else if (path !== '/events') {
      answerWith(response, 404, 'no such file');
    } else if (this.#audience.isFull) {
      answerWith(response, 503, `${MOST_PAGES} pages are open already`);
    } else if (isHead) {
      response.end();
    } else {
      this.#sendEvents(response);
    }
  }

  #sendEvents(response: ServerResponse): void {
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      // nginx would keep the events back.
      'X-Accel-Buffering': 'no',
    });
    response.write(`retry: ${RETRY_MS}\n\n`);
    this.#audience.add(response, () => eventOf('whole', this.#whole()));
    this.#monitor.wake();
  }

  #whole(): Whole {
    const { title, intervalMs } = this.#options;
    const { load, flows, moment } = this.#monitor;
    return {
      about: { title, intervalMs, kept: KEPT_SAMPLES, ...THRESHOLDS },
      load: load.toJSON(),
      flows: flows.toJSON(),
      moment,
    };
  }
}

/** A page gets this when it opens, and when it has missed something. */
interface Whole {
  readonly about: typeof THRESHOLDS & {
    readonly title: string;
    readonly intervalMs: number;
    /** How many rows the columns have at most. */
    readonly kept: number;
  };
  readonly load: ReturnType<Monitor['load']['toJSON']>;
  readonly flows: ReturnType<Monitor['flows']['toJSON']>;
  readonly moment: Moment;
}

/** JSON has no line breaks, which would end the event. */
const eventOf = (name: 'whole' | 'moment', data: Whole | Moment) =>
  `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

function answerWith(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}
