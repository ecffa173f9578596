// The rules that need types; biome formats and has the others.
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** The folders of src/: each imports from itself and from those before it, types included. */
const FOLDERS = [
  'core',
  'record',
  'request',
  'filter',
  'entry',
  'expectation',
  'timeout',
  'event',
  'health',
  'mirror',
  'table',
  'conntrack',
  'flow-log',
  'metrics',
  'index',
  'cli',
];

export const folderOrder = FOLDERS.map((folder, rank) => ({
  files: [`src/${folder}/**/*.ts`, `src/${folder}.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: FOLDERS.slice(rank + 1).flatMap((above) => ({
          regex: `^\\.{1,2}/${above}(/|\\.js$)`,
          message: `src/${folder} stands below src/${above}: see docs/architecture.md.`,
        })),
      },
    ],
  },
}));

/** The command line shows that the public API is enough: of the rest it has two helpers for text. */
const publicApiAlone = {
  files: ['src/cli/**/*.ts'],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: FOLDERS.filter((name) => name !== 'index' && name !== 'cli').map((name) => ({
          regex: `^(\\.\\./)+${name}(/(?!(error-page|printable|show-value)\\.js$)|\\.js$)`,
          message: 'src/cli stands on the public API: import src/index.js.',
        })),
      },
    ],
  },
};

export default defineConfig(
  globalIgnores(['build/', 'dist/', 'out/', 'coverage/', 'docs/']),
  folderOrder,
  publicApiAlone,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['*.ts'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      // A number in a text is meant.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // As in TypeScript itself.
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_' },
      ],
      // `async` also turns what a function throws into a rejection.
      '@typescript-eslint/require-await': 'off',
      // There is no enum. It takes a tenth of the time.
      '@typescript-eslint/no-unsafe-enum-assignment': 'off',
    },
  },
  {
    // What stands behind the last parameter is counted; a rest parameter would show in hovers.
    files: ['src/table/*.ts'],
    rules: { 'prefer-rest-params': 'off' },
  },
);
