/**
 * Stands in, through `paths` in tsconfig.json, for libraries that `@actions/core` loads and this
 * action never uses: they serve identity tokens and questions about the operating system. They bring
 * undici, a megabyte of code that would double the time to start.
 */
export class HttpClient {}
export class BearerCredentialHandler {}

export function getExecOutput(): never {
  throw new Error('This part of @actions/core is not in the bundle')
}
