import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { testAuthority } from '../fakes/certificates.ts'
import { mintPassword } from '../fakes/ecr.ts'
import { fail, listen, sendJson, stop } from '../fakes/http.ts'

export const GOOGLE = 'us-docker.pkg.dev'
const HOUR_MS = 3_600_000

/** Registries of clouds, by their true names, that let in what has been minted and has not ended. */
export interface MintedRegistries {
  /** For `[connect]`. */
  readonly connect: readonly (readonly [string, string])[]
  /** An ECR password of 12 hours from now. */
  mintPassword(): string
  /** A Google token of an hour from now, by whom nobody knows. */
  mintToken(): string
  close(): Promise<void>
}

/**
 * @param amazon - hosts of ECR registries
 * @param isGood - whether Google has given a token, which has not ended
 */
export async function startMintedRegistries(
  amazon: readonly string[],
  isGood: (token: string) => boolean,
): Promise<MintedRegistries> {
  const ends = new Map<string, number>()
  const lives = (what: string) => (ends.get(what) ?? 0) > Date.now()

  /** As Amazon's: a password tells its own end, and after it the answer is 403. */
  function answerAmazon(req: IncomingMessage, res: ServerResponse): void {
    const [user, password = ''] = loginIn(req)
    if (user !== 'AWS') {
      res.setHeader('WWW-Authenticate', 'Basic realm="ecr",service="ecr.amazonaws.com"')
      fail(res, 401, 'UNAUTHORIZED')
      return
    }
    const { expiration } = JSON.parse(Buffer.from(password, 'base64').toString())
    if (expiration * 1000 > Date.now()) sendJson(res, 200, { schemaVersion: 2 })
    else {
      const message = 'Your authorization token has expired. Reauthenticate and try again.'
      sendJson(res, 403, { errors: [{ code: 'DENIED', message }] })
    }
  }

  function answerGoogle(req: IncomingMessage, res: ServerResponse): void {
    if (req.url?.startsWith('/v2/token') === true) {
      const [user, token = ''] = loginIn(req)
      if (user !== 'oauth2accesstoken' || !(lives(token) || isGood(token))) {
        fail(res, 401, 'UNAUTHORIZED')
        return
      }
      const given = randomUUID()
      ends.set(given, Date.now() + 300_000)
      sendJson(res, 200, { token: given, expires_in: 300 })
    } else if (lives(req.headers.authorization?.replace('Bearer ', '') ?? '')) {
      sendJson(res, 200, { schemaVersion: 2 })
    } else {
      const realm = `https://${GOOGLE}/v2/token`
      res.setHeader('WWW-Authenticate', `Bearer realm="${realm}",service="${GOOGLE}"`)
      fail(res, 401, 'UNAUTHORIZED')
    }
  }

  const names = [GOOGLE, ...amazon]
  const server = createServer(testAuthority().certificateFor(GOOGLE, ...amazon), (req, res) => {
    if (req.headers.host === GOOGLE) answerGoogle(req, res)
    else answerAmazon(req, res)
  })
  const port = await listen(server)
  return {
    connect: names.map((name) => [`${name}:443`, `127.0.0.1:${port}`] as const),
    mintPassword: () => mintPassword(new Date(Date.now() + 12 * HOUR_MS)),
    mintToken() {
      const token = `ya29.${randomUUID()}`
      ends.set(token, Date.now() + HOUR_MS)
      return token
    },
    close: () => stop(server),
  }
}

function loginIn({ headers }: IncomingMessage): readonly string[] {
  const [scheme, encoded = ''] = headers.authorization?.split(' ') ?? []
  return scheme === 'Basic' ? Buffer.from(encoded, 'base64').toString().split(':') : []
}
