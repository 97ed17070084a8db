/** What ncc builds into `dist`: the action, and a part of node-fetch that would otherwise become a second script. */
import '../src/main.ts'

// node-fetch loads its form parser on demand, from a script of its own. Exported here, it stays in this one.
// @ts-expect-error It has no types, and nobody calls it.
export { toFormData } from 'node-fetch/src/utils/multipart-parser.js'
