import { request } from 'node:http'
import { join } from 'node:path'
import { nullable, object, parse, record, string } from 'valibot'
import type { Upstream } from './registry.ts'
import type { Sandbox } from './sandbox.ts'

const Opened = object({
  id: string(),
  secret: string(),
  proxy: nullable(string()),
  directory: string(),
  environment: record(string(), string()),
})

/** A lease, and the sandbox of its container. */
export interface Leased {
  readonly id: string
  readonly secret: string
  readonly directory: string
  /** Where clients have the lease's environment, and no configuration of their own. */
  readonly sandbox: Sandbox
}

/** A container request with the credentials of a registry. */
export function requestFor({ host, user, password }: Pick<Upstream, 'host' | 'user' | 'password'>) {
  const credentials = { USERNAME: user, PASSWORD: password }
  return { image_credentials: JSON.stringify({ registry: host, type: 'basic', credentials }) }
}

/** Opens a lease with the sandbox's agent, as a worker does before it starts a container. */
export async function openLease(sandbox: Sandbox, container: object): Promise<Leased> {
  const { status, body } = await askAgent(sandbox, 'POST', '/v1/leases', JSON.stringify(container))
  if (status !== 201) throw new Error(`the agent opens no lease: ${status} ${body}`)
  const { id, secret, directory, environment } = parse(Opened, JSON.parse(body))
  return { id, secret, directory, sandbox: { ...sandbox, env: { ...sandbox.env, ...environment } } }
}

/** Closes one. @param query such as `?transfers=cut` */
export async function closeLease(sandbox: Sandbox, { id }: Leased, query = ''): Promise<void> {
  const { status, body } = await askAgent(sandbox, 'DELETE', `/v1/leases/${id}${query}`)
  if (status !== 200) throw new Error(`the agent closes no lease: ${status} ${body}`)
}

function askAgent({ env }: Sandbox, method: string, path: string, body = '') {
  const socketPath = join(env['PURSER_HOME'] ?? '', 'agent.sock')
  return new Promise<{ status: number; body: string }>((resolve, reject) => {
    request({ socketPath, method, path })
      .once('error', reject)
      .once('response', async (response) => {
        let text = ''
        for await (const chunk of response.setEncoding('utf8')) text += chunk
        resolve({ status: response.statusCode ?? 0, body: text })
      })
      .end(body)
  })
}
