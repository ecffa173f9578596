/** A line of JSON for each flow that ends; what is missing goes to stderr. */
import './support/end-of-pipe.js';
import { recordFlows } from 'conntrack/flow-log';

for await (const record of recordFlows()) {
  if (record.type === 'flow') console.log(JSON.stringify(record));
  else if (record.type === 'lost') console.warn(record.count, 'events are lost:', record.cause);
  else if (record.type === 'notice') console.warn(record.message);
}
