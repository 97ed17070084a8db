/** Arguments such as the name of a file or a test ask for a part of the tests. */
const isFullRun = process.argv.slice(2).every((argument) => argument.startsWith('--'))

/** @type {import('jest').Config} */
export default {
  roots: ['<rootDir>/src', '<rootDir>/emulator', '<rootDir>/__tests__'],
  testMatch: ['<rootDir>/__tests__/**/*.test.ts'],
  testEnvironment: 'node',
  // Quiet when green: what fails is shown at the end.
  reporters: [['summary', { summaryThreshold: 0 }], 'github-actions'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': ['ts-jest', { useESM: true }] },
  // Most tests wait for processes and timers, so more workers than cores are faster.
  maxWorkers: 4,
  // Processes start slowly on a busy machine.
  testTimeout: 30_000,
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  collectCoverage: isFullRun,
  // The pure modules whole. What touches the runner and the network is held by the tests that run the bundle.
  collectCoverageFrom: ['src/*.ts', '!src/{bale,main,runner,unused}.ts'],
  coverageReporters: [['text', { skipFull: true }]],
  coverageThreshold: { global: { branches: 100, functions: 100, lines: 100, statements: 100 } },
}
