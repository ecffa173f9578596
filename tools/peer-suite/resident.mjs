// Runs command lines of this package in one process, which waits in a network namespace: a process for
// each of a thousand lines takes minutes. Reads { words, input } as a line of JSON, and answers with
// { code, stdout, stderr }.
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { run } from '../../dist/cli/run.js';

function sink() {
  let text = '';
  return {
    text: () => text,
    write: (part, done) => {
      text += part;
      done?.();
    },
  };
}

for await (const request of createInterface({ input: process.stdin })) {
  const { words, input = [] } = JSON.parse(request);
  const [out, err] = [sink(), sink()];
  const code = await run(words, {
    out,
    err,
    in: () => Readable.from(input.map((line) => `${line}\n`)),
    env: process.env,
    onInterrupt: () => () => undefined,
  });
  process.stdout.write(`${JSON.stringify({ code, stdout: out.text(), stderr: err.text() })}\n`);
}
