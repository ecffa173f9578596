// What each cell runs: it creates entries, lists them, deletes them, and reads the events of both.

const BODY = `
async function tryOut(count: number): Promise<string> {
  const stream = watchEvents({ events: ['new', 'destroy'] });
  let [events, lost] = [0, 0];
  const reading = (async () => {
    for await (const event of stream) {
      if (event.type === 'lost') lost += event.count;
      else if (++events + lost >= 2 * count) break;
    }
  })();
  for (let from = 0; from < count; from += 1000) {
    const specs = Array.from({ length: Math.min(1000, count - from) }, (_, index) => ({
      protocol: 'udp' as const,
      original: {
        source: \`10.0.\${(from + index) >> 8}.\${(from + index) & 255}\`,
        destination: '10.1.0.1',
        sourcePort: 1000,
        destinationPort: 53,
      },
      timeout: 60,
    }));
    for (const { error } of await createEntries(specs)) if (error !== undefined) throw error;
  }
  const listed = (await listEntries({ protocol: 'udp' })).length;
  const { deleted } = await deleteEntries({ protocol: 'udp' });
  await reading;
  return \`\${listed} listed, \${deleted} deleted, \${events} events, \${lost} lost\`;
}
`;
const NAMES = 'createEntries, deleteEntries, listEntries, watchEvents';
const CALL = 'tryOut(Number(process.argv.at(-1)) || 10)';

/** As people write it in TypeScript. */
export const TYPESCRIPT = `import { ConntrackError, ${NAMES} } from 'conntrack';
${BODY}
declare const process: { argv: string[] };
try {
  console.log(await ${CALL});
} catch (error) {
  if (error instanceof ConntrackError && error.code === 'EPERM') console.log(error.hint);
  throw error;
}
`;

const javascript = BODY.replaceAll(/: (number|Promise<string>)(?=[),\s])| as const/g, '');

export const ESM = `import { ${NAMES} } from 'conntrack';
${javascript}
console.log(await ${CALL});
`;

export const COMMONJS = `const { ${NAMES} } = require('conntrack');
${javascript}
${CALL}.then(console.log);
`;

/** As jest, and loaders that know no require() of ES modules, want it. */
export const COMMONJS_WITH_IMPORT = `let ${NAMES};
${javascript}
module.exports = async () => {
  ({ ${NAMES} } = await import('conntrack'));
  console.log(await ${CALL});
};
if (require.main === module) module.exports();
`;

/** Of ES modules without top-level await, for bundles of CommonJS. */
export const ESM_WITHOUT_AWAIT = ESM.replace(
  /console\.log\(await .*$/m,
  `${CALL}.then(console.log);`,
);
