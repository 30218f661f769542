import * as v from 'valibot'
import { PurserError } from '../../model/errors.ts'
import { quote } from '../../model/host.ts'

/** How the token is told from what stands around it: the whole text, or a property of JSON. */
type TokenField = string | undefined

/** Where the proof of an identity of another cloud is. */
export type ExternalSource =
  | { readonly kind: 'file'; readonly path: string; readonly field: TokenField }
  | {
      readonly kind: 'url'
      readonly url: URL
      readonly headers: Readonly<Record<string, string>>
      readonly field: TokenField
    }
  | { readonly kind: 'aws' }

const text = v.pipe(v.string(), v.nonEmpty())

const format = v.optional(
  v.variant('type', [
    v.object({ type: v.literal('text') }),
    v.object({ type: v.literal('json'), subject_token_field_name: text }),
  ]),
)

const schema = v.object({
  file: v.optional(text),
  url: v.optional(text),
  headers: v.optional(v.record(v.string(), v.string()), {}),
  format,
  environment_id: v.optional(text),
  regional_cred_verification_url: v.optional(text),
  executable: v.optional(v.unknown()),
  certificate: v.optional(v.unknown()),
})

/** What clouds write there; Amazon's other partitions are not among those that Google takes. */
const AWS_STS =
  /^https:\/\/sts\.(?:\{region\}\.)?amazonaws\.com\/?\?Action=GetCallerIdentity&Version=2011-06-15$/

/**
 * Reads `credential_source`.
 *
 * A program is never run: a file that is handed around would run whatever it names.
 *
 * @throws `credential-unsupported` for a program or a certificate; `policy` for a URL that a token
 * must not be asked of; `credential-incomplete` for anything else
 * @see https://google.aip.dev/auth/4117
 */
export function parseSource(value: unknown, path: string): ExternalSource {
  const parsed = v.safeParse(schema, value)
  if (!parsed.success) throw incomplete(path)
  const source = parsed.output
  const field = source.format?.type === 'json' ? source.format.subject_token_field_name : undefined
  if (source.executable !== undefined) throw unsupported(`${path}.executable`)
  if (source.certificate !== undefined) throw unsupported(`${path}.certificate`)
  if (source.environment_id !== undefined) {
    checkAws(source.environment_id, source.regional_cred_verification_url, path)
    return { kind: 'aws' }
  }
  const { file, url, headers } = source
  if (file !== undefined && url === undefined) return { kind: 'file', path: file, field }
  if (url !== undefined && file === undefined) {
    return { kind: 'url', url: parseUrl(url, `${path}.url`), headers, field }
  }
  throw incomplete(path)
}

/**
 * Keys are found as for Amazon's registries; what they sign is for Amazon's own service only, and for
 * nobody who would pass it on.
 */
function checkAws(environment: string, verification: string | undefined, path: string): void {
  if (environment !== 'aws1') throw unsupported(`${path}.environment_id ${quote(environment)}`)
  if (verification === undefined || AWS_STS.test(verification)) return
  throw new PurserError(
    'policy',
    `${path}.regional_cred_verification_url ${quote(verification)} is not Amazon's`,
    { hint: 'make the file anew with gcloud iam workload-identity-pools create-cred-config --aws' },
  )
}

/** Clouds hand out tokens to whoever is on the machine, at an address of the link: without TLS. */
function parseUrl(value: string, path: string): URL {
  const url = URL.parse(value)
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isNear(url.hostname))) return url
  throw new PurserError('policy', `${path} ${quote(value)} is neither https nor on this machine`, {
    hint: 'the token that is read there must not pass a network in the clear',
  })
}

/** This machine, or its link. */
function isNear(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname === '[::1]' ||
    hostname === '[fd00:ec2::254]' ||
    /^(?:127(?:\.\d{1,3}){3}|169\.254\.\d{1,3}\.\d{1,3})$/.test(hostname)
  )
}

function incomplete(path: string): PurserError {
  return new PurserError('credential-incomplete', `${path} names neither a file, a URL nor AWS`, {
    hint: 'make the file anew with gcloud iam workload-identity-pools create-cred-config',
  })
}

function unsupported(what: string): PurserError {
  return new PurserError('credential-unsupported', `${what} is not taken`, {
    hint: 'programs are never run, nor certificates shown: give a file, a URL or AWS as source',
  })
}
