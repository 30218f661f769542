import * as v from 'valibot'
import { PurserError } from '../../model/errors.ts'
import type { JsonAnswer } from '../../net/exchange.ts'

const WRONG_TENANT = 'there is no such tenant: check AZURE_TENANT_ID'
const FOREIGN_TOKEN =
  'the application trusts no such token: compare issuer, subject and audience with its federated credentials'

/**
 * What to do about a refusal, by the number that Entra gives it.
 *
 * @see https://learn.microsoft.com/entra/identity-platform/reference-error-codes
 */
const HINTS: Readonly<Record<string, string>> = {
  AADSTS7000215: 'the client secret is wrong: give its value, not its id',
  AADSTS7000222: 'the client secret has ended: make a new one for the application',
  AADSTS7000112: 'the application is disabled in its tenant: enable it there',
  AADSTS700016: 'the tenant has no such application: check AZURE_CLIENT_ID and AZURE_TENANT_ID',
  AADSTS900021: WRONG_TENANT,
  AADSTS900023: WRONG_TENANT,
  AADSTS90002: WRONG_TENANT,
  AADSTS70021: FOREIGN_TOKEN,
  AADSTS700211: FOREIGN_TOKEN,
  AADSTS700212: FOREIGN_TOKEN,
  AADSTS700213: FOREIGN_TOKEN,
  AADSTS700024: 'the federated token has ended: have it renewed, or set the clock of this machine',
  AADSTS53003:
    "a conditional access policy of the tenant forbids it: ask the tenant's administrator",
}

/** What had its time: only its owner can renew it. */
const OVER = new Set(['AADSTS7000222', 'AADSTS700024'])

/** Entra has hundreds of numbers, and tells what each means. */
const LOOK_UP = 'look the number up at https://login.microsoftonline.com/error'

const entraRefusal = v.object({
  error: v.optional(v.string()),
  error_codes: v.optional(v.array(v.pipe(v.number(), v.integer(), v.minValue(0)))),
})

/** OAuth's names for refusals: words with underscores; what else stands there may quote a secret. */
const OAUTH_ERROR = /^[a-z_]{1,64}$/

/**
 * What Entra, or the endpoint of a managed identity, calls its refusal.
 *
 * @returns `undefined` if it has no name for it
 */
export function refusalIn({ document }: JsonAnswer): string | undefined {
  const result = v.safeParse(entraRefusal, document)
  if (!result.success) return undefined
  const { error = '', error_codes: [number] = [] } = result.output
  if (number !== undefined) return `AADSTS${number}`
  return OAUTH_ERROR.test(error) ? error : undefined
}

/**
 * A refusal in one line. Never its description: it has several lines, and quotes what was sent.
 *
 * @param what - what was asked, of whom, as whom
 */
export function refusedBy(what: string, answer: JsonAnswer, hint?: string): PurserError {
  const { status } = answer
  const name = refusalIn(answer)
  const isOver = name !== undefined && OVER.has(name)
  const told = name === undefined ? `status ${status}` : `${name}, status ${status}`
  return new PurserError(isOver ? 'credential-expired' : 'exchange-failed', `${what}: ${told}`, {
    hint: HINTS[name ?? ''] ?? hintFor(status) ?? hint ?? LOOK_UP,
    status,
  })
}

/** What any of Microsoft's services means by a status. */
export function hintFor(status: number): string | undefined {
  if (status === 429) return 'Microsoft allows no more questions at the moment; try again later'
  if (status >= 500)
    return 'Microsoft is in trouble: see https://azure.status.microsoft, and try again'
  if (status < 400) return 'see who answers: it may be a proxy'
  return undefined
}
