/** Modules that Node loads before the bundle, to change the machine that it sees. */

/** Resolves every host name to these addresses, in this order. */
export function resolveTo(...addresses: readonly string[]): string {
  const all = addresses.map((address) => ({ address, family: 4 }))
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

/** Gets no answer from this address. */
export function hearNothingFrom(address: string): string {
  return `
    const { prototype } = process.binding('tcp_wrap').TCP
    const { connect } = prototype
    prototype.connect = function (request, host, ...others) {
      return host === '${address}' ? 0 : connect.call(this, request, host, ...others)
    }
  `
}

/** Claims to be another version of Node. */
export function pretendVersion(version: string): string {
  return `
    Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })
  `
}

/** Runs a statement when the program opens a socket. */
export function atConnect(statement: string): string {
  return `
    import net from 'node:net'
    const { connect } = net.Socket.prototype
    net.Socket.prototype.connect = function (...values) {
      ${statement}
      return connect.apply(this, values)
    }
  `
}

/** Runs a statement whenever an output is written. */
export function atOutput(statement: string): string {
  return `
    import fs from 'node:fs'
    import { syncBuiltinESMExports } from 'node:module'
    const { appendFileSync } = fs
    fs.appendFileSync = (...values) => {
      ${statement}
      return appendFileSync(...values)
    }
    syncBuiltinESMExports()
  `
}

/** Node's arguments that load these modules. */
export function preload(modules: readonly string[]): string[] {
  return modules.flatMap((source) => [
    '--import',
    `data:text/javascript,${encodeURIComponent(source)}`,
  ])
}
