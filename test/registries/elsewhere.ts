import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { listen, stop } from '../fakes/http.ts'

/** What the exchange is given, and nothing but that. */
export interface Exchange {
  readonly ca: string
  readonly connect: readonly (readonly [string, string])[]
  readonly host: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/**
 * Runs an exchange in a process whose every variable offers the SDK another identity. The files that it might look into are pipes without a writer: who opens one
 * comes to no end.
 */
export async function exchangeElsewhere(exchange: Exchange) {
  const home = mkdtempSync(join(tmpdir(), 'purser-aws-'))
  let callsElsewhere = 0
  const elsewhere = createServer((_, res) => {
    callsElsewhere++
    res.end('{"AccessKeyId":"AKIAMETADATA","SecretAccessKey":"m","Token":"m"}')
  })
  const port = await listen(elsewhere)
  onTestFinished(async () => {
    rmSync(home, { recursive: true, force: true })
    await stop(elsewhere)
  })
  const token = join(home, 'token')
  mkdirSync(join(home, '.aws'))
  execFileSync('mkfifo', [token, join(home, '.aws', 'config'), join(home, '.aws', 'credentials')])
  const origin = `http://127.0.0.1:${port}`
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--no-warnings', SCRIPT, JSON.stringify(exchange)],
    {
      timeout: 20_000,
      env: {
        HOME: home,
        AWS_PROFILE: 'other',
        AWS_ACCESS_KEY_ID: 'AKIAENVIRONMENT',
        AWS_SECRET_ACCESS_KEY: 'environment',
        AWS_SESSION_TOKEN: 'environment',
        AWS_REGION: 'eu-west-3',
        AWS_DEFAULT_REGION: 'eu-west-3',
        AWS_DEFAULTS_MODE: 'auto',
        AWS_ROLE_ARN: 'arn:aws:iam::999999999999:role/other',
        AWS_WEB_IDENTITY_TOKEN_FILE: token,
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `${origin}/container`,
        AWS_EC2_METADATA_SERVICE_ENDPOINT: origin,
        HTTP_PROXY: origin,
        HTTPS_PROXY: origin,
        NODE_USE_ENV_PROXY: '1',
      },
    },
  )
  return { login: stdout, callsElsewhere }
}

const SCRIPT = fileURLToPath(new URL('./child.ts', import.meta.url))
