/**
 * A process that has a timer and nothing else: `timer.js MILLISECONDS`. Says "ready", and ends
 * with its stdin.
 */
let ticks = 0;
const timer = setInterval(() => ticks++, Number(process.argv[2]));
process.stdin.once('end', () => {
  clearInterval(timer);
  console.log(JSON.stringify({ ticks }));
});
process.stdin.resume();
console.log('ready');
