/**
 * The sources of the whole fleet with the most bytes in the last five minutes, every ten seconds.
 *
 *   node out/examples/flow-log/top-talkers.js nats.example.com:4222
 */
import '../support/end-of-pipe.js';
import { connect } from '@nats-io/transport-node';
import { TopTalkers } from './support/talkers.js';

const [servers = '127.0.0.1:4222'] = process.argv.slice(2);

const connection = await connect({ servers, maxReconnectAttempts: -1, waitOnFirstConnect: true });
const talkers = await TopTalkers.start(connection);
const timer = setInterval(() => {
  console.log(talkers.table(10));
}, 10_000);
process.on('SIGINT', () => {
  clearInterval(timer);
  void connection.close();
});
await talkers.ended;
