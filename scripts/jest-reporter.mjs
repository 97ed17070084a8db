/** Prints each failure as soon as it is known, and one line at the end; nothing about what passes. */
import { relative } from 'node:path'

export default class QuietReporter {
  constructor({ rootDir }) {
    this.pathOf = (path) => relative(rootDir, path)
    silence('Jest: importing JSON without an import attribute')
  }

  /** On a terminal, Jest has begun a line of its own. */
  onRunStart() {
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  }

  onTestResult({ path }, { failureMessage }) {
    if (failureMessage) process.stdout.write(`\n${this.pathOf(path)}\n\n${failureMessage}\n`)
  }

  /** The coverage is added to the results after this call. */
  onRunComplete(_, results) {
    process.once('exit', () =>
      process.stdout.write([...this.problemsIn(results), this.totalOf(results), ''].join('\n')),
    )
  }

  problemsIn({ testResults, coverageMap }) {
    const failed = testResults.filter(({ failureMessage }) => failureMessage)
    const uncovered = (coverageMap?.files() ?? []).map((path) => ({
      path,
      lines: uncoveredLines(coverageMap.fileCoverageFor(path)),
    }))
    return [
      ...failed.map(({ testFilePath }) => `Failed: ${this.pathOf(testFilePath)}`),
      ...uncovered
        .filter(({ lines }) => lines.length > 0)
        .map(({ path, lines }) => `Not covered: ${this.pathOf(path)}, lines ${lines.join(' ')}`),
    ]
  }

  totalOf({ numPassedTests, numTotalTests, numPendingTests, startTime }) {
    const seconds = Math.round((Date.now() - startTime) / 1000)
    const skipped = numPendingTests === 0 ? '' : `, ${numPendingTests} skipped`
    return `${numPassedTests} of ${numTotalTests} tests passed in ${seconds} s${skipped}.`
  }
}

/** Those with a branch that was never taken, too. */
function uncoveredLines(file) {
  const branches = Object.entries(file.b).filter(([, counts]) => counts.includes(0))
  const lines = [
    ...file.getUncoveredLines(),
    ...branches.map(([id]) => file.branchMap[id].loc.start.line),
  ]
  return [...new Set(lines.map(Number))].sort((a, b) => a - b)
}

/** For a warning about a dependency, which nobody here can act on. */
function silence(start) {
  const write = process.stderr.write.bind(process.stderr)
  process.stderr.write = (chunk, ...rest) =>
    String(chunk).trimStart().startsWith(start) || write(chunk, ...rest)
}
