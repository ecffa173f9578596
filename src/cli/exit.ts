/**
 * Exit codes. docs/command-line.md has this table; a test compares them.
 */
export const EXIT = {
  /** Done. */
  done: 0,
  /** The kernel refused, nothing was found, or the output could not be written. */
  failed: 1,
  /** The command line is wrong; nothing was sent. */
  usage: 2,
  /** This process lacks a privilege. */
  privileges: 3,
  /** The kernel, a sandbox or the platform lacks what the command needs. */
  unsupported: 4,
  /** `--check`: a finding or a level is worse than normal. */
  checked: 5,
  /** Nobody reads the output any more: as SIGPIPE ends other programs, and as silent. */
  brokenPipe: 141,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
