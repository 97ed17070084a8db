/** What keeps the start quick, as far as it can be told without a clock: how much there is to load. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'

const MAX_BUNDLE_BYTES = 180_000

const bundle = readFileSync('dist/index.js', 'utf8')

/** All that stands in the bundle, by what its builder wrote down. */
function found(pattern: RegExp): string[] {
  const names = Array.from(bundle.matchAll(pattern), ([, name = '']) => name)
  return [...new Set(names)].sort()
}

describe('the bundle', () => {
  test('is one script', () => {
    expect(readdirSync('dist').filter((name) => name.endsWith('js'))).toEqual(['index.js'])
  })

  test(`has at most ${MAX_BUNDLE_BYTES} bytes`, () => {
    expect(statSync('dist/index.js').size).toBeLessThanOrEqual(MAX_BUNDLE_BYTES)
  })

  test('holds these packages and no others', () => {
    const licenses = readFileSync('dist/licenses.txt', 'utf8')
    expect(licenses.match(/^(@[\w-]+\/)?[\w-]+(?=\n(MIT|ISC|BSD|Apache)\b)/gm)).toEqual([
      '@actions/core',
      '@actions/github',
      'data-uri-to-buffer',
      'node-fetch',
    ])
  })

  test('loads these modules of Node and no others', () => {
    // Nothing that starts processes or threads, no web streams, no second HTTP client.
    expect(found(/__WEBPACK_EXTERNAL_createRequire\(import\.meta\.url\)\("(?:node:)?([^"]+)"\)/g)).toEqual(
      'buffer crypto fs http https net os path stream timers/promises url util zlib'.split(' '),
    )
  })
})
