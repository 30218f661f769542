import { kindOfFile } from '../../../src/cloud/google/kind.ts'
import type { Credential } from '../../../src/model/credential.ts'
import { Secret } from '../../../src/model/secret.ts'

/** A credential of a file's text, as a registry reads it. */
export function credentialOf(file: object): Credential {
  const json = JSON.stringify(file)
  const kind = kindOfFile(json)
  if (kind === undefined) throw new Error('no credential file')
  return { kind, json: new Secret(json) }
}
