/**
 * Ends a program in silence when nobody reads its output any more, as in `... | head`. Node.js
 * reports that as an error, because it ignores SIGPIPE.
 */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});
