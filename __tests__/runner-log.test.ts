/** What the stand-in for GitHub's runner shows of a log. Each row was read from the runner's code. */
import { describe, expect, test } from '@jest/globals'
import { applyMasks, isMask, jobOutputsOf, showLog } from '../emulator/runner-log.ts'
import type { Annotation } from '../emulator/runner-log.ts'

describe('the log', () => {
  test.each<[string, string[], string]>([
    ['shows plain lines', ['a', ' b'], 'a\n b'],
    [
      'shows the text of an error, not its title',
      ['::error title=A::b%0Ac %250A'],
      '##[error]b\nc %0A',
    ],
    ['shows a warning', ['::warning::b'], '##[warning]b'],
    ['shows a notice', ['::notice::b'], '##[notice]b'],
    ['shows groups', ['::group::a', 'b', '::endgroup::c'], '##[group]a\nb\n##[endgroup]'],
    ['hides what sets something', ['::debug::a', '::set-output name=a::b', '::add-mask::c'], ''],
    ['reads :: after white space', [' \t::error::b'], '##[error]b'],
    ['reads :: at the start of a line only', ['a ::error::b'], 'a ::error::b'],
    ['reads ##[ anywhere and drops what precedes it', ['a ##[error]b%3Bc%5D'], '##[error]b;c]'],
    ['ignores the case of a name', ['::ERROR::b', '##[Warning]c'], '##[error]b\n##[warning]c'],
    ['shows unknown commands', ['::no-such::b', 'a ##[no-such]b'], '::no-such::b\na ##[no-such]b'],
    ['shows what is no command', ['::error', '##[error'], '::error\n##[error'],
    ['reads the first ##[ of a line', ['##[no-such]##[error]b'], '##[no-such]##[error]b'],
    ['reads ##[ after an unknown ::', ['::no-such::##[error]b'], '##[error]b'],
    [
      'masks from the command on',
      ['x', '::add-mask::x', 'axa', '::error::x'],
      'x\na***a\n##[error]***',
    ],
  ])('%s', (_, lines, shown) => {
    expect(showLog(lines).logAsShown).toBe(shown)
  })
})

describe('an annotation', () => {
  test.each<[string, string[], Annotation]>([
    [
      'has title and text',
      ['::error title=A%3A 1%2C 2::b%3A'],
      { level: 'error', title: 'A: 1, 2', text: 'b%3A' },
    ],
    ['may lack a title', ['::error title=::b'], { level: 'error', title: '', text: 'b' }],
    [
      'has other properties',
      ['::warning file=a,TITLE=b=c::d'],
      { level: 'warning', title: 'b=c', text: 'd' },
    ],
    [
      'in brackets parts them by ;',
      ['a##[notice file=a;title=b%3Bc]d'],
      { level: 'notice', title: 'b;c', text: 'd' },
    ],
    [
      'is masked in its text only',
      ['::add-mask::x', '::error title=x::x'],
      { level: 'error', title: 'x', text: '***' },
    ],
  ])('%s', (_, lines, annotation) => {
    expect(showLog(lines).annotations).toEqual([annotation])
  })
})

describe('masks', () => {
  test.each<[string, string[], string, string]>([
    ['hide a value', ['b'], 'abab', 'a***a***'],
    ['hide each line of a value', ['one\r\n two'], 'one or two', '*** or ***'],
    ['hide the longest', ['ab', 'abc'], 'abcd', '***d'],
    ['that touch are one', ['ab', 'cd'], 'abcd', '***'],
    ['that overlap are one', ['abc', 'cde'], 'abcde', '***'],
    ['that overlap themselves are one', ['aba'], 'ababac', '***c'],
    ['that are empty hide nothing', ['', ' ', '\n'], 'a b\n', 'a b\n'],
  ])('%s', (_, masks, text, shown) => {
    expect(applyMasks(text, masks)).toBe(shown)
  })

  test('drop the outputs of a job that contain them', () => {
    expect(jobOutputsOf({ kept: 'ab', empty: '', dropped: 'abc' }, ['c'])).toEqual({ kept: 'ab' })
  })

  test.each([
    ['::add-mask::x', true],
    ['a ##[add-mask]x', true],
    ['a ::add-mask::x', false],
  ])('%s is such a command: %s', (line, is) => {
    expect(isMask(line)).toBe(is)
  })
})
