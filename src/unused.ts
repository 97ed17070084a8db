/**
 * Stands in, through `paths` in tsconfig.json, for libraries that `@actions/core` loads and this
 * action never uses. They bring undici, a megabyte of code that would double the time to start.
 */
export class HttpClient {}
export class BearerCredentialHandler {}

export const getExecOutput = undefined
