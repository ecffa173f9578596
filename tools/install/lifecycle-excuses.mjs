// What a runtime cannot do of the matrix of test/lifecycle/matrix, and why. One that passes all the
// same fails `npm run test:lifecycle-runtimes`.

/** Of each runtime: names of processes, and the reason. */
const EXCUSES = {};

export function excuseOf(runtime, name) {
  const found = (EXCUSES[runtime] ?? []).find(([names]) => names.test(name));
  return found?.[1];
}
