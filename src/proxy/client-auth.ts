import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isLeaseSecret } from '../lease/lease.ts'
import type { Secret } from '../model/secret.ts'
import { createAdmission } from './admit.ts'
import { linger } from './body.ts'
import { answerHere, type LocalAnswer, sendLocal } from './local.ts'
import { isProblem, problem, sendProblem } from './problem.ts'
import type { Service } from './service.ts'

/** Who may use the proxy: any process of the machine, only leases, or whoever knows its password. */
export type ClientAuth =
  | { readonly kind: 'open' }
  | { readonly kind: 'lease' }
  | { readonly kind: 'basic'; readonly secret: Secret }

/** Which service answers a request, by the credentials that the client shows. */
export interface ClientAuthOptions {
  readonly auth: ClientAuth
  readonly everybody: Service
  /** @returns `undefined` if it is no lease's secret, or that of one that has ended */
  leaseService(secret: string): Service | undefined
  readonly hosts?: readonly string[]
  readonly metrics?: () => Promise<LocalAnswer>
}

const ENDED = 'the lease whose secret was shown has ended'
const LEASES_ONLY = 'this proxy is for leases alone: log in with the secret of one as password'
const PASSWORD = 'this proxy has a password'

/**
 * Makes a service that tells clients apart by their credentials, and hands each request to its own.
 *
 * A lease's secret counts whatever `auth` is: a container gets no more than its lease where the proxy is
 * open to others.
 */
export function authenticateClients(options: ClientAuthOptions): Service {
  const { auth, everybody, leaseService } = options
  const refuse = createRefusal(options)

  function serviceFor(password: string | undefined): Service {
    if (password !== undefined && isLeaseSecret(password)) {
      return leaseService(password) ?? refuse(ENDED)
    }
    switch (auth.kind) {
      case 'open':
        return everybody
      case 'lease':
        return refuse(LEASES_ONLY)
      case 'basic':
        return password !== undefined && isEqual(password, auth.secret.reveal())
          ? everybody
          : refuse(PASSWORD)
    }
  }

  return (door, req, res) => {
    const { authorization } = req.headers
    const password = authorization === undefined ? undefined : passwordIn(authorization)
    return serviceFor(password)(door, req, res)
  }
}

/** Refuses with 401, except for health checks and metrics, which need no credentials. */
function createRefusal({ hosts = [], metrics }: ClientAuthOptions): (why: string) => Service {
  const admit = createAdmission(hosts)
  return (why) => async (door, req, res) => {
    const answer = admit(req, door.open) ?? (await answerUnnamed(req, metrics))
    if (answer === undefined) {
      // https://www.rfc-editor.org/rfc/rfc7617#section-2: clients send user and password upon this.
      res.setHeader('WWW-Authenticate', 'Basic realm="purser", charset="UTF-8"')
      sendProblem(res, problem(401, 'UNAUTHORIZED', why))
    } else if (isProblem(answer)) {
      sendProblem(res, answer)
    } else {
      sendLocal(res, answer)
    }
    linger(req)
    if (door.closing) door.closeIdle()
  }
}

async function answerUnnamed(
  { method = '', url = '' }: IncomingMessage,
  metrics: ClientAuthOptions['metrics'],
): Promise<LocalAnswer | undefined> {
  return url.startsWith('/v2') ? undefined : answerHere(method, url, metrics)
}

/** The password of Basic credentials; the user name says nothing. */
function passwordIn(authorization: string): string | undefined {
  const [, encoded] = /^basic +([A-Za-z0-9+/]+=*)$/i.exec(authorization) ?? []
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon === -1 ? undefined : text.slice(colon + 1)
}

/** How long it takes tells nothing of how much of it was right. */
function isEqual(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
