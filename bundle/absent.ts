/**
 * Stands in, in the bundle alone (see `paths` in tsconfig.json), for parts of libraries that this action never uses:
 * `@actions/core` needs them for identity tokens and the version of the system, node-fetch for blobs and forms. Without
 * them the bundle is a third smaller, and starts without the built-in modules that they load.
 */
export class HttpClient {}
export class BearerCredentialHandler {}
export class FormData {}
export class File {}
export default class Blob {}
export const getExecOutput = absent
export const formDataToBlob = absent

function absent(): never {
  throw new Error('This part is not in the bundle')
}
