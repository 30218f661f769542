import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
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

/** Runs an exchange in a process whose every variable and file offers the SDK another identity. */
export async function exchangeElsewhere(exchange: Exchange) {
  const home = mkdtempSync(join(tmpdir(), 'purser-aws-'))
  let metadataCalls = 0
  const metadata = createServer((_, res) => {
    metadataCalls++
    res.end('{"AccessKeyId":"AKIAMETADATA","SecretAccessKey":"m","Token":"m"}')
  })
  const port = await listen(metadata)
  onTestFinished(async () => {
    rmSync(home, { recursive: true, force: true })
    await stop(metadata)
  })
  const ran = join(home, 'ran')
  const token = join(home, 'token')
  writeFileSync(token, 'web-identity')
  mkdirSync(join(home, '.aws'))
  writeFileSync(join(home, '.aws', 'credentials'), CREDENTIALS)
  writeFileSync(join(home, '.aws', 'config'), `${CONFIG}credential_process = touch ${ran}\n`)
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
        AWS_USE_FIPS_ENDPOINT: 'true',
        AWS_USE_DUALSTACK_ENDPOINT: 'true',
        AWS_ROLE_ARN: 'arn:aws:iam::999999999999:role/other',
        AWS_WEB_IDENTITY_TOKEN_FILE: token,
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `${origin}/container`,
        AWS_EC2_METADATA_SERVICE_ENDPOINT: origin,
        AWS_ENDPOINT_URL_STS: origin,
      },
    },
  )
  return { login: stdout, metadataCalls, processRan: existsSync(ran) }
}

const SCRIPT = fileURLToPath(new URL('./child.ts', import.meta.url))

const CREDENTIALS = `[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key = default
[other]
aws_access_key_id = AKIAOTHER
aws_secret_access_key = other
aws_session_token = other
`

const CONFIG = `[default]
region = eu-west-3
[profile other]
region = eu-west-3
role_arn = arn:aws:iam::999999999999:role/other
source_profile = default
sso_account_id = 999999999999
`
