/* global process */
// Loaded before each program of Node: its last line on stderr tells what the process used.
process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
  require('node:fs').writeSync(2, `\n${(userCPUTime + systemCPUTime) / 1000} ${maxRSS}`)
})
