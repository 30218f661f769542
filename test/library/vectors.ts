import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'

const keys = v.record(v.string(), v.string())
const type = v.picklist(['public', 'basic', 'aws', 'gcp', 'azure', 'token', 'unknown'])
const login = v.object({ username: v.string(), password: v.string() })
const text = v.string()

const Vectors = v.object({
  parseRegistry: v.array(v.tuple([text, text, text])),
  parseCredentialsFromEnv: v.array(v.tuple([text, keys, keys])),
  detectCredentialType: v.array(v.tuple([text, text, keys, type])),
  marshalCredentials: v.array(v.tuple([text, text, type, keys])),
  createSecretName: v.array(v.tuple([text, text, text])),
  createProviderFromEnv: v.array(v.tuple([text, text, v.array(text), keys, v.nullable(login)])),
  getRegistryTokenForImage: v.array(v.tuple([text, text, keys, text])),
  refusedTokens: v.array(v.tuple([text, text, keys, text])),
  getRegistryCredentials: v.array(v.tuple([text, text, keys, text, v.nullable(keys)])),
  refusedCredentials: v.array(v.tuple([text, text, keys, text])),
  parseCredentials: v.array(v.tuple([text, text, v.nullable(keys)])),
  validateOptionalCredentials: v.array(v.tuple([text, keys, v.nullable(v.union([text, login]))])),
  validateRequiredCredential: v.array(v.tuple([text, keys, text, v.boolean()])),
  getCredentialProviderForImage: v.array(
    v.tuple([text, text, text, v.record(text, v.unknown()), v.nullable(text)]),
  ),
})

/** What the functions make of what platforms have, each case after its name. */
export function parseVectors(): v.InferOutput<typeof Vectors> {
  const file = join(import.meta.dirname, '../vectors/functions.json')
  return v.parse(Vectors, JSON.parse(readFileSync(file, 'utf8')))
}
