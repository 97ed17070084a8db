import base from '../jest.config.js'

/** The tables alone: they must catch every mutant, without the help of chance and without the slow tests. */
export default {
  ...base,
  rootDir: '..',
  testMatch: ['<rootDir>/__tests__/rooms/*.test.ts'],
}
