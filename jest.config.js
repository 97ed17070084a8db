/** @type {import('jest').Config} */
export default {
  roots: ['<rootDir>/src', '<rootDir>/emulator', '<rootDir>/__tests__'],
  testMatch: ['<rootDir>/__tests__/**/*.test.ts'],
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': ['ts-jest', { useESM: true }] },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  // The pure rooms whole. What touches the runner and the network is held by the tests that run the bundle.
  collectCoverageFrom: ['src/{advice,faults,handover,inputs,judge,proxy,retry,safety}.ts'],
  coverageReporters: ['text'],
  coverageThreshold: { global: { branches: 100, functions: 100, lines: 100, statements: 100 } },
}
