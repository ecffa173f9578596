/** A command line that says nothing: the tool ends with exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
