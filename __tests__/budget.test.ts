/** What keeps the start quick, as far as it can be told without a clock: how much there is to load. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'

const MAX_BUNDLE_BYTES = 175_000

const bundle = readFileSync('dist/index.js', 'utf8')

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
      '@actions/http-client',
      'node-fetch',
    ])
  })

  test('loads these modules of Node and no others', () => {
    const loads = bundle.matchAll(/createRequire\(import\.meta\.url\)\("(?:node:)?([^"]+)"\)/g)
    // Nothing that starts processes or threads, no web streams, no second HTTP client.
    expect([...new Set(Array.from(loads, ([, name]) => name))].sort()).toEqual(
      'buffer crypto events fs http https net os path stream timers/promises tls url util zlib'.split(
        ' ',
      ),
    )
  })
})

test('the page has a place for each table of the bench', () => {
  const places = readFileSync('docs/performance.md', 'utf8').matchAll(
    /<!-- bench (\w+) -->[^]*?<!-- end -->/g,
  )
  expect(Array.from(places, ([, part]) => part)).toEqual([
    'machine',
    'start',
    'verdicts',
    'growth',
    'fleet',
  ])
})
