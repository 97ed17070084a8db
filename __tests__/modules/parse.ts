/** Inputs, parsed as the runner passes them on. */
import { type InputValues, parseInputs, type ValidInputs } from '../../src/inputs.ts'
import { TOKEN } from './samples.ts'

export type Texts = Partial<Record<keyof InputValues, string>>

export const ONCE: Texts = { 'max-attempts': '1' }
export const DELETE: Texts = { 'delete-webhook': 'true' }
export const ALLOW: Texts = { 'allow-already-closed': 'true' }
export const CHECK: Texts = { 'confirm-after-seconds': '30' }

/** Parses inputs as the runner passes them on, by default with a good token. */
export function parse(texts: Texts = {}, env: NodeJS.ProcessEnv = {}) {
  const all = Object.entries({ 'bale-token': TOKEN, ...texts })
  const variables = all.map(([name, text]) => [`INPUT_${name.toUpperCase()}`, text])
  return parseInputs({ ...(Object.fromEntries(variables) as NodeJS.ProcessEnv), ...env })
}

export function validInputs(texts: Texts = {}, env: NodeJS.ProcessEnv = {}): ValidInputs {
  const inputs = parse(texts, env)
  if (!inputs.isValid) throw new Error(inputs.complaints.join(' '))
  return inputs
}

export function complaintsAbout(texts: Texts, env: NodeJS.ProcessEnv = {}): string[] {
  const inputs = parse(texts, env)
  return inputs.isValid ? [] : inputs.complaints
}
