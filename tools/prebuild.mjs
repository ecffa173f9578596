// Puts the addon that was built here where the npm package ships it. Run by npm
// before it packs.
import { cpSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = (relative) => fileURLToPath(new URL(`../${relative}`, import.meta.url));
const folder = `prebuilds/${process.platform}-${process.arch}`;

mkdirSync(path(folder), { recursive: true });
cpSync(path('build/Release/conntrack.node'), path(`${folder}/conntrack.node`));
