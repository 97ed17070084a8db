import jest from './jest.config.js'

/** Breaks the pure modules on purpose: their own tests must notice, without the slow ones and without chance. */
export default {
  mutate: jest.collectCoverageFrom,
  testRunner: 'jest',
  testRunnerNodeArgs: ['--no-warnings', '--experimental-vm-modules'],
  jest: { config: { ...jest, testMatch: ['<rootDir>/__tests__/modules/*.test.ts'] } },
  coverageAnalysis: 'perTest',
  // A snapshot holds the words of the messages.
  mutator: { excludedMutations: ['StringLiteral'] },
  // None is rewritten: that would need TypeScript beside Stryker.
  tsconfigFile: 'none',
  ignorePatterns: ['.cache', 'coverage', 'bench', 'dist', 'examples'],
  concurrency: 2,
  reporters: ['clear-text', 'progress-append-only'],
  clearTextReporter: { logTests: false, reportTests: false, skipFull: true },
  thresholds: { high: 100, low: 95, break: 95 },
}
