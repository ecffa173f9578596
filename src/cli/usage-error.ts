/** A command line that says nothing: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
