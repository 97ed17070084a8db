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

/** Resolves no host name within this minute. */
export const resolveSlowly = lookup(`setTimeout(callback, 60_000, null, [{ address: '127.0.0.1', family: 4 }])`)

/** Resolves the first host name to this address, and no other within this minute. */
export function resolveOnce(address: string): string {
  return `
    let asked = false
    ${lookup(`
      if (asked) setTimeout(callback, 60_000, null, [])
      else callback(null, [{ address: ${JSON.stringify(address)}, family: 4 }])
      asked = true
    `)}
  `
}

function lookup(body: string): string {
  return `
    import dns from 'node:dns'
    dns.lookup = (host, options, callback) => process.nextTick(() => { ${body} })
  `
}

/** Says to be another version of Node. */
export function pretendVersion(version: string): string {
  return `Object.defineProperty(process, 'version', { value: ${JSON.stringify(version)} })`
}

/** Throws, from nowhere, when the run is under way. @param message as a literal of JavaScript */
export function throwSoon(message: string): string {
  return `setTimeout(() => { throw new Error(${message}) }, 3000)`
}

/** Node's arguments that load these modules. */
export function preload(modules: readonly string[]): string[] {
  return modules.flatMap((source) => ['--import', `data:text/javascript,${encodeURIComponent(source)}`])
}
