/**
 * Takes logs over OTLP/HTTP, as a collector does, and counts them.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

interface Logs {
  readonly resourceLogs: readonly {
    readonly scopeLogs: readonly { readonly logRecords: readonly unknown[] }[];
  }[];
}

export class Collector implements AsyncDisposable {
  readonly #server: Server;
  #count = 0;
  #bytes = 0;

  private constructor() {
    this.#server = createServer((request, response) => {
      void buffer(request).then((body) => {
        this.#bytes += body.length;
        for (const { scopeLogs } of (JSON.parse(body.toString()) as Logs).resourceLogs) {
          for (const { logRecords } of scopeLogs) this.#count += logRecords.length;
        }
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      });
    });
  }

  static async start(host: string): Promise<Collector> {
    const collector = new Collector();
    collector.#server.listen(0, host);
    await once(collector.#server, 'listening');
    return collector;
  }

  get address(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `${address}:${port}`;
  }

  /** Of log records. */
  get count(): number {
    return this.#count;
  }

  /** Of all requests. */
  get bytes(): number {
    return this.#bytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}
