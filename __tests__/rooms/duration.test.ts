import { expect, test } from '@jest/globals'
import { duration } from '../../src/advice.ts'

test.each([
  [0, '0 s'],
  [0.01, '0.1 s'],
  [1, '1 s'],
  [9.91, '10.0 s'],
  [10.2, '11 s'],
  [60, '1 min'],
  [600, '10 min'],
  [3661, '1 h 1 min 1 s'],
  [172_800, '48 h'],
  [172_801, 'more than two days'],
  [Infinity, 'more than two days'],
])('%d s are %s', (seconds, words) => {
  expect(duration(seconds)).toBe(words)
})
