/** Creates the entries of lines. */
import { createReadStream } from 'node:fs';
import { withoutLink } from '../../core/error-page.js';
import { restoreEntries } from '../../index.js';
import { command, tell, warn } from '../command.js';
import { EXIT } from '../exit.js';
import { jsonLine } from '../print/json.js';
import { grouped } from '../print/numbers.js';
import { readLabels } from '../read/labels.js';

export default command({ restoreEntries }, async (api, call) => {
  const { line, world, writer } = call;
  const [file = '-'] = line.words;
  const { byBit } = await readLabels();
  const source = file === '-' ? world.in() : createReadStream(file);
  const result = await api.restoreEntries(source, { labels: byBit });
  const { created, existed, failed, failures } = result;
  for (const { line: number, error } of failures) {
    warn(call, `line ${number}: ${withoutLink(error.message)}`);
  }
  if (failed > failures.length) {
    warn(call, `${grouped(failed - failures.length)} more lines failed`);
  }
  if (line.given.json !== undefined) {
    await writer.line(jsonLine({ created, existed, failed }));
    await writer.flush();
  }
  tell(
    call,
    `${grouped(created)} created, ${grouped(existed)} there already, ${grouped(failed)} failed`,
  );
  return failed === 0 ? EXIT.done : EXIT.failed;
});
