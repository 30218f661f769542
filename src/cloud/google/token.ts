import { PurserError } from '../../model/errors.ts'
import type { GoogleAccount } from './account.ts'
import { createClient, SCOPE } from './client.ts'
import { faultOf, refusalOf } from './fault.ts'
import { readToken } from './grant.ts'
import type { GooglePlace, GoogleToken } from './place.ts'
import { createTransport, type Transport } from './transport.ts'

/** As long as any account may, without an organisation's leave. */
const LIFETIME_S = 3600

/** An answer is underway for less, and its date shows whole seconds. */
const NOTICED_SKEW_MS = 5_000

/**
 * Exchanges an identity for an access token.
 *
 * @param what - what is tried, and with which identity, for the error
 * @throws `exchange-failed` if Google refuses; `network` if nobody answers
 */
export async function fetchToken(
  what: string,
  account: GoogleAccount,
  place: GooglePlace,
): Promise<GoogleToken> {
  const askedAt = place.now()
  const transport = createTransport(place)
  try {
    await exchange(account, transport, place)
  } catch (error) {
    place.signal.throwIfAborted()
    const theirs = clockOf(account, transport, askedAt)
    if (theirs === undefined) throw faultOf(what, error, account, transport)
    await exchange(account, transport, { ...place, now: () => theirs }).catch((again: unknown) => {
      place.signal.throwIfAborted()
      throw faultOf(what, again, account, transport)
    })
  }
  const token = transport.answer && readToken(transport.answer, askedAt)
  if (token !== undefined) return token
  throw new PurserError('exchange-failed', `${what}: the answer is no token`, {
    hint: 'see who answers: a proxy, or an address that [connect] sends to',
  })
}

/** Leaves the answer in the transport: the SDK would tell its end by the clock of the process. */
async function exchange(
  account: GoogleAccount,
  transport: Transport,
  place: GooglePlace,
): Promise<void> {
  if (account.type !== 'impersonated_service_account') {
    await createClient(account, transport, place).getAccessToken()
    return
  }
  // The SDK's own class for this warns on the console, whoever has checked the file.
  await createClient(account.source, transport, place).request({
    method: 'POST',
    url: account.target.url,
    data: { delegates: account.delegates, scope: [SCOPE], lifetime: `${LIFETIME_S}s` },
    responseType: 'json',
    retry: true,
    retryConfig: { httpMethodsToRetry: ['POST'] },
  })
}

/**
 * Google's clock, if an assertion was refused that was signed by one that differs.
 *
 * A laptop that slept, or a machine that was just started, is minutes off; an assertion from the
 * future is taken by nobody.
 */
function clockOf(account: GoogleAccount, { answer }: Transport, now: number): number | undefined {
  const signer = account.type === 'impersonated_service_account' ? account.source : account
  if (signer.type !== 'service_account' || answer?.dateMs === undefined) return undefined
  if (refusalOf(answer)?.code !== 'invalid_grant') return undefined
  return Math.abs(answer.dateMs - now) >= NOTICED_SKEW_MS ? answer.dateMs : undefined
}
