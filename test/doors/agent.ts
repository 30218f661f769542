import { request } from 'node:http'
import { join } from 'node:path'
import { nullable, object, parse, record, string } from 'valibot'

const Opened = object({
  id: string(),
  secret: string(),
  workspace: string(),
  proxy: nullable(string()),
  directory: string(),
  environment: record(string(), string()),
  expiresAt: string(),
})

/** A lease as the agent has opened it. */
export type OpenedLease = ReturnType<typeof parse<typeof Opened>>

export interface Said {
  readonly status: number
  readonly body: string
}

/** Asks the agent of a home, as a worker does. */
export function askAgent(home: string, method: string, path: string, body = ''): Promise<Said> {
  return new Promise((resolve, reject) => {
    request({ socketPath: join(home, 'agent.sock'), method, path, agent: false })
      .once('error', reject)
      .once('response', async (response) => {
        let text = ''
        for await (const chunk of response.setEncoding('utf8')) text += chunk
        resolve({ status: response.statusCode ?? 0, body: text })
      })
      .end(body)
  })
}

/**
 * Opens a lease.
 *
 * @param container - the request
 * @param query - such as `?workspace=team&life=60`
 */
export async function openLease(home: string, container: object, query = ''): Promise<OpenedLease> {
  const path = `/v1/leases${query}`
  const { status, body } = await askAgent(home, 'POST', path, JSON.stringify(container))
  if (status !== 201) throw new Error(`the agent opens no lease: ${status} ${body}`)
  return parse(Opened, JSON.parse(body))
}

/** Closes one. @param query such as `?transfers=cut` */
export async function closeLease(home: string, id: string, query = ''): Promise<void> {
  const { status, body } = await askAgent(home, 'DELETE', `/v1/leases/${id}${query}`)
  if (status !== 200) throw new Error(`the agent closes no lease: ${status} ${body}`)
}

/** As a client shows it to the proxy. */
export function showing(secret: string, user = 'lease') {
  return { authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}` }
}

/** A container request with a login of a registry. */
export function requestFor({ host, user, password }: LoginOf) {
  const credentials = { USERNAME: user, PASSWORD: password }
  return { image_credentials: JSON.stringify({ registry: host, type: 'basic', credentials }) }
}

interface LoginOf {
  readonly host: string
  readonly user: string
  readonly password: string
}
