import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const HELPER = 'docker-credential-purser'
const HOST = 'ghcr.io'
const ECR_HOST = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
const ECR_API = 'api.ecr.us-east-1.amazonaws.com:443'

/** The example key of AWS's own documentation: nobody's. */
const ECR_KEYS = {
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  AWS_REGION: 'us-east-1',
}

/** The program, run from source: how it is compiled there does not matter. */
const SOURCE = join(import.meta.dirname, '../src/main.ts')

/** A start of the program. */
interface Scene {
  readonly input: string
  readonly env: Readonly<Record<string, string>>
  /** How it has to end. Default: 0. */
  readonly status?: number
}

/**
 * Has the program in `directory` do what it is started for most often, so that the scripts' code
 * caches hold what it needs for that. It asks nobody but this process and its children.
 *
 * @param execArgv - as the binary has them: code is compiled for one set of flags
 */
export async function rehearse(directory: string, execArgv: readonly string[]): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'purser-scene-'))
  const amazon = createServer(answerAsAmazon)
  amazon.listen(0, '127.0.0.1')
  await once(amazon, 'listening')
  const { port } = amazon.address() as AddressInfo
  const rehearsal = join(import.meta.dirname, 'rehearsal.ts')
  const get = (input: string, more: Partial<Omit<Scene, 'input'>> = {}) =>
    play([...execArgv, rehearsal, 'get'], {
      input,
      ...more,
      env: { PURSER_HOME: home, REHEARSAL: directory, ...more.env },
    })
  const login = (args: readonly string[], input: string) =>
    play([SOURCE, 'login', ...args], { input, env: { PURSER_HOME: home } })

  try {
    await login([HOST, '--username', 'u', '--password-stdin'], 'p')
    await login([ECR_HOST, '--json', '-'], JSON.stringify(ECR_KEYS))
    await whileAgentRuns(home, () => get(HOST))
    await get(HOST)
    const env = { AWS_ENDPOINT_URL_ECR: `http://127.0.0.1:${port}` }
    await get(ECR_HOST, { env })
    // This time, the login is there already.
    await get(ECR_HOST, { env })
    // With a configuration, and on the way to TLS: nobody here has a certificate.
    writeFileSync(join(home, 'config.toml'), `[connect]\n"${ECR_API}" = "127.0.0.1:${port}"\n`)
    await get(ECR_HOST, { env: { PURSER_CACHE: 'off' }, status: 1 })
  } finally {
    amazon.close()
    rmSync(home, { recursive: true, force: true })
  }
}

/** @throws unless it ends as it has to */
async function play(args: readonly string[], { input, env, status = 0 }: Scene): Promise<void> {
  const argv0 = args.includes(SOURCE) ? 'purser' : HELPER
  const child = spawn(process.execPath, args, { argv0, env })
  const said: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (some) => said.push(some))
  child.stdin.end(input)
  const [ended] = await once(child, 'close')
  if (ended === status) return
  throw new Error(`${args.join(' ')} ended with ${ended}: ${Buffer.concat(said)}`)
}

/** Has an agent of this home listen meanwhile. */
async function whileAgentRuns(home: string, work: () => Promise<void>): Promise<void> {
  const args = [SOURCE, 'serve', '--listen', '127.0.0.1:0']
  const agent = spawn(process.execPath, args, { env: { PURSER_HOME: home } })
  try {
    let said = ''
    for await (const some of agent.stderr) {
      said += some
      if (said.includes('agent listening')) return await work()
    }
    throw new Error(`the agent ended: ${said}`)
  } finally {
    agent.kill()
  }
}

/** @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html */
const answerAsAmazon: RequestListener = (_, response) => {
  const authorizationToken = Buffer.from('AWS:password').toString('base64')
  const expiresAt = Date.now() / 1000 + 12 * 3600
  response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' })
  response.end(JSON.stringify({ authorizationData: [{ authorizationToken, expiresAt }] }))
}
