// Unpacks Debian's musl for arm64 into out/musl-arm64, for tools/check-binary.mjs.
import { rmSync, symlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { Suite } from '../kernels/debian.mjs';
import { MUSL_ARM64 } from './load.mjs';

const folder = dirname(MUSL_ARM64);
const root = new Suite(folder, 'arm64').fetchPrograms(['musl', 'musl-dev']);
rmSync(MUSL_ARM64, { force: true });
symlinkSync(root.slice(folder.length + 1), MUSL_ARM64);
