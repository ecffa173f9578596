/** StrykerJS: what main.mjs does not set. */
export default {
  plugins: [new URL('./runner.mjs', import.meta.url).href],
  testRunner: 'loaded',
  coverageAnalysis: 'perTest',
  mutate: ['src/**/*.ts'],
  mutator: {
    // Most texts are messages, whose every word would need a test. The words that are behaviour come
    // from the lists of src/core/names.ts and the types, and are compared with those of the kernel.
    excludedMutations: ['StringLiteral'],
  },
  // What runs when a module is loaded: the lists and tables. Each mutant would need all modules anew.
  ignoreStatic: true,
  ignorePatterns: ['bench', 'build', 'dist', 'docs', 'examples', 'native', 'out', 'prebuilds'],
  disableTypeChecks: false,
  buildCommand: 'node tools/mutate/compile.mjs',
  tempDirName: 'out/stryker',
  reporters: ['lines'],
  allowEmpty: true,
  dryRunTimeoutMinutes: 30,
  // A mutant that loops is ended by Stryker's limit of hits; one that waits, by that of framework.mjs.
  timeoutMS: 40_000,
};
