import { join } from 'node:path'
import type { Shipped } from '../test/binary/shipped.ts'
import { type Environment, startDaemon } from '../test/clients/child.ts'
import { testAuthority } from '../test/fakes/certificates.ts'

export const ECR_HOST = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
const API_HOST = 'api.ecr.us-east-1.amazonaws.com'

/** The example key of AWS's own documentation: nobody's. */
const KEYS = {
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  AWS_REGION: 'us-east-1',
}

/** Amazon's API on loopback. */
interface FakeAmazon {
  /** Has it asked without TLS. */
  readonly env: Environment
  /** Lines of a configuration that has it asked by TLS, under Amazon's own name. */
  readonly config: readonly string[]
}

/** Stores keys of which the fake makes a login. */
export async function loginToEcr(shipped: Shipped): Promise<void> {
  await shipped.purser(['login', ECR_HOST, '--json', '-'], JSON.stringify(KEYS))
}

/** Starts it; it ends with `shipped`. */
export async function startAmazon({ stack }: Shipped): Promise<FakeAmazon> {
  const authority = testAuthority()
  const { keyFile, certFile } = authority.certificateFor(API_HOST)
  const program = join(import.meta.dirname, 'amazon-api.ts')
  const { value: ports } = await startDaemon(
    stack,
    [process.execPath, program, keyFile, certFile],
    {},
    (output) => /^\[([0-9]+),([0-9]+)\]$/m.exec(output) ?? undefined,
  )
  return {
    env: { AWS_ENDPOINT_URL_ECR: `http://127.0.0.1:${ports[1]}` },
    config: [
      '[tls]',
      `ca = ["${authority.caFile}"]`,
      '[connect]',
      `"${API_HOST}:443" = "127.0.0.1:${ports[2]}"`,
    ],
  }
}
