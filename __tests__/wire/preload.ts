/** Modules that Node loads before the bundle, to measure it or to change the machine that it sees. */

/** Writes the peak of the resident size, in KiB, when the process ends. */
export function measurePeak(path: string): string {
  return `
    import { writeFileSync } from 'node:fs'
    process.on('exit', () => writeFileSync(${JSON.stringify(path)}, String(process.resourceUsage().maxRSS)))
  `
}

/** Resolves every host name to these addresses, in this order. */
export function resolveTo(...addresses: readonly string[]): string {
  const all = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
  return lookup(`callback(null, ${JSON.stringify(all)})`)
}

/** Knows no host name. */
export const resolveNothing = lookup(
  `callback(Object.assign(new Error('getaddrinfo ENOTFOUND ' + host), { code: 'ENOTFOUND', hostname: host }))`,
)

/** Resolves no host name within this minute, and says so. */
export const resolveSlowly = lookup(
  `console.log('looking up'); setTimeout(callback, 60_000, null, [{ address: '127.0.0.1', family: 4 }])`,
)

function lookup(body: string): string {
  return `
    import dns from 'node:dns'
    dns.lookup = (host, options, callback) => process.nextTick(() => { ${body} })
  `
}

/** Says to be another version of Node. */
export function pretendVersion(version: string): string {
  return `
    Object.defineProperty(process, 'version', { value: ${JSON.stringify(`v${version}`)} })
    Object.defineProperty(process, 'versions', { value: { ...process.versions, node: ${JSON.stringify(version)} } })
  `
}

/** Ends the process with code 7 if the event file is looked at before the outputs are written. */
export const outputsFirst = `
  import fs from 'node:fs'
  import { syncBuiltinESMExports } from 'node:module'
  const { statSync } = fs
  for (const name of ['existsSync', 'readFileSync', 'statSync', 'openSync']) {
    const own = fs[name]
    fs[name] = (path, ...rest) => {
      if (path === process.env.GITHUB_EVENT_PATH && statSync(process.env.GITHUB_OUTPUT).size === 0) process.exit(7)
      return own(path, ...rest)
    }
  }
  syncBuiltinESMExports()
`

/** Throws from nowhere, a while after the first connection was begun. @param thrown as an expression of JavaScript */
export function throwSoon(thrown: string): string {
  return `
    import net from 'node:net'
    const { connect } = net.Socket.prototype
    net.Socket.prototype.connect = function (...values) {
      net.Socket.prototype.connect = connect
      setTimeout(() => { throw ${thrown} }, 1200)
      return connect.apply(this, values)
    }
  `
}

/** Runs a statement as the first output is written. */
export function atFirstOutput(statement: string): string {
  return `
    import fs from 'node:fs'
    const { appendFileSync } = fs
    fs.appendFileSync = (...values) => {
      ${statement}
      appendFileSync(...values)
    }
  `
}

/** Node's arguments that load these modules. */
export function preload(modules: readonly string[]): string[] {
  return modules.flatMap((source) => [
    '--import',
    `data:text/javascript,${encodeURIComponent(source)}`,
  ])
}
