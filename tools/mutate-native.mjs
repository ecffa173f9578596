// Changes native/ in one place at a time (tools/mutation/patterns.mjs), and counts the changes
// that the tests notice. The tests must be built: tools/prepare.mjs mutate-native.
//
//   npm run mutate:native -- --sample N [--seed S]   N mutants, chosen by a seed; by default 1
//                            --all                   all
//                            --only FILE[:LINE[:COL]] those of a place: decode.cc:20; may repeat
//                            --ring wire|os|addon    those of a ring
//                            --part I/N              of these, the Ith and each Nth behind it
//                            --tests wire,fuzz,...   with these folders of test/ alone
//                            --jobs N                so many at a time; by default one a processor
//                            --least PERCENT         fails when fewer are noticed; by default 100
//
// A mutant that tools/mutation/explained.mjs explains does not count.
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Changed, DoesNotBuild } from './mutation/changed.mjs';
import { explained } from './mutation/explained.mjs';
import { mutantsOf, RINGS, sampleOf } from './mutation/mutants.mjs';
import { Tests } from './mutation/tests.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const scratch = join(root, 'out', 'mutation');
const { values: options } = parseArgs({
  options: {
    all: { type: 'boolean', default: false },
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', multiple: true },
    ring: { type: 'string' },
    part: { type: 'string', default: '1/1' },
    tests: { type: 'string' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    least: { type: 'string', default: '100' },
  },
});

const mutants = mutantsOf(root);
const known = explained.flatMap(({ changes, ...group }) =>
  changes.map((change) => ({ ...group, ...change })),
);
const fits = (entry, mutant) =>
  entry.file === mutant.file &&
  entry.line === mutant.line &&
  entry.becomes === mutant.becomes &&
  (entry.above === undefined || entry.above === mutant.above);
const reasonOf = (mutant) => known.find((entry) => fits(entry, mutant))?.reason;

const unfit = known.filter((entry) => mutants.filter((one) => fits(entry, one)).length !== 1);
for (const { file, line, becomes } of unfit) {
  console.error(`explained.mjs names no mutant, or many:\n  ${file}\n  ${line}\n  ${becomes}`);
}
if (unfit.length > 0) process.exit(1);

function chosen() {
  const isAt = (place) => options.only.some((end) => `${place}:`.includes(`${end}:`));
  const wanted = mutants.filter(
    ({ place, ring }) =>
      (options.ring ?? ring) === ring && (options.only === undefined || isAt(place)),
  );
  if (options.sample === undefined) return options.all || options.only ? wanted : [];
  return sampleOf(wanted, Number(options.sample), Number(options.seed));
}

const tests = new Tests(root, scratch, options.tests?.split(','));

/** What becomes of a mutant: a kind of result, and the test that notices it. */
async function resultOf(mutant, job) {
  const reason = reasonOf(mutant);
  if (reason !== undefined) return { kind: 'explained', by: reason };
  const changed = new Changed(root, mutant, join(scratch, `job-${process.pid}-${job}`));
  try {
    const by = await tests.noticing(mutant, changed);
    if (by !== undefined) return { kind: 'caught', by };
    const tree = mutant.ring === 'addon' ? tests.trees.plain : tests.trees.sanitized;
    return { kind: (await changed.isSame(tree)) ? 'changes nothing' : 'SURVIVED' };
  } catch (error) {
    if (error instanceof DoesNotBuild) return { kind: 'did not build' };
    throw error;
  } finally {
    changed.remove();
  }
}

const KINDS = ['did not build', 'changes nothing', 'explained', 'caught', 'SURVIVED'];
const counts = Object.fromEntries(
  RINGS.map((ring) => [ring, Object.fromEntries(KINDS.map((kind) => [kind, 0]))]),
);

const [part, parts] = options.part.split('/').map(Number);
const waiting = chosen().filter((_, index) => index % parts === part - 1);
if (waiting.length === 0) {
  console.error('No mutant is chosen: give --sample N, --all or --only FILE.');
  process.exit(1);
}

async function work(_, job) {
  for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
    const start = performance.now();
    const { kind, by } = await resultOf(mutant, job);
    counts[mutant.ring][kind]++;
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`${mutant.place} ${mutant.pattern}: ${kind}${by ? `: ${by}` : ''}, ${seconds} s`);
    if (kind !== 'SURVIVED') continue;
    console.log(`    ${mutant.above}\n  - ${mutant.line}\n  + ${mutant.becomes}`);
  }
}

await Promise.all(Array.from({ length: Number(options.jobs) }, work));

console.log();
const all = { caught: 0, counted: 0 };
for (const ring of RINGS) {
  const { caught, SURVIVED: survived, ...others } = counts[ring];
  const counted = caught + survived;
  all.caught += caught;
  all.counted += counted;
  const rest = Object.entries(others).map(([kind, count]) => `${count} ${kind}`);
  const share = counted > 0 ? `, ${((100 * caught) / counted).toFixed(1)} %` : '';
  console.log(`${ring}: ${caught} of ${counted} caught${share} (${rest.join(', ')})`);
}
process.exit(100 * all.caught >= Number(options.least) * all.counted ? 0 : 1);
