// The rules that need types; biome formats and has the others.
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

export default defineConfig(globalIgnores(['build/', 'dist/', 'out/', 'coverage/', 'docs/']), {
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
  },
});
