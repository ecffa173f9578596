// Prints which lines and branches of native/os its own tests run (gcovr). Fails below the
// figures here.
import { build, parallel, report, run } from './gcov.mjs';

const LEAST = { lines: 98, branches: 90 }; // percent

run(process.execPath, ['tools/prepare.mjs', 'addon']); // the headers of Node.js
build('os_tests');
run('ctest', ['--test-dir', 'out/coverage/test/os', ...parallel, '--output-on-failure']);
report('native/os/', LEAST);
