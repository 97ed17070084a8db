/** Without arguments, such as the name of a file or a test. */
const isFullRun = process.argv.length === 2

/** @type {import('jest').Config} */
export default {
  roots: ['<rootDir>/src', '<rootDir>/emulator', '<rootDir>/__tests__'],
  testMatch: ['<rootDir>/__tests__/**/*.test.ts'],
  testEnvironment: 'node',
  reporters: ['<rootDir>/scripts/jest-reporter.mjs'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': ['ts-jest', { useESM: true }] },
  // Most tests wait for processes and timers: four workers are the fastest on two cores.
  maxWorkers: 4,
  // Processes start slowly on a busy machine.
  testTimeout: 30_000,
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  collectCoverage: isFullRun,
  // The pure rooms whole. What touches the runner and the network is held by the tests that run the bundle.
  collectCoverageFrom: ['src/*.ts', '!src/{bale,context,main,report}.ts'],
  coverageReporters: ['none'],
  coverageThreshold: { global: { branches: 100, functions: 100, lines: 100, statements: 100 } },
}
