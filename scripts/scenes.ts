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

const REHEARSAL = join(import.meta.dirname, 'rehearsal.ts')
/** The program, run from source: how it is compiled there does not matter. */
const SOURCE = join(import.meta.dirname, '../src/main.ts')

/** A start of Node. */
interface Start {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
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
  const source = (...args: readonly string[]): Start => ({
    args: [SOURCE, ...args],
    env: { PURSER_HOME: home },
  })
  const login = (args: readonly string[], input: string) =>
    play('purser', source('login', ...args), input)
  const get = (host: string, more: Start['env'] = {}, status = 0) => {
    const env = { PURSER_HOME: home, REHEARSAL: directory, ...more }
    return play(HELPER, { args: [...execArgv, REHEARSAL, 'get'], env }, host, status)
  }

  try {
    await login([HOST, '--username', 'u', '--password-stdin'], 'p')
    await login([ECR_HOST, '--json', '-'], JSON.stringify(ECR_KEYS))
    await whileServing(source('serve', '--listen', '127.0.0.1:0'), () => get(HOST))
    await get(HOST)
    const env = { AWS_ENDPOINT_URL_ECR: `http://127.0.0.1:${port}` }
    await get(ECR_HOST, env)
    // This time, the login is there already.
    await get(ECR_HOST, env)
    // With a configuration, and on the way to TLS: nobody here has a certificate.
    writeFileSync(join(home, 'config.toml'), `[connect]\n"${ECR_API}" = "127.0.0.1:${port}"\n`)
    await get(ECR_HOST, { PURSER_CACHE: 'off' }, 1)
  } finally {
    amazon.close()
    rmSync(home, { recursive: true, force: true })
  }
}

/** @throws unless it ends with `status` */
async function play(name: string, { args, env }: Start, input: string, status = 0): Promise<void> {
  const child = spawn(process.execPath, args, { argv0: name, env })
  const said: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (some) => said.push(some))
  child.stdin.end(input)
  const [ended] = await once(child, 'close')
  if (ended === status) return
  throw new Error(`${name} ${args.join(' ')} ended with ${ended}: ${Buffer.concat(said)}`)
}

/** Has `purser serve` run meanwhile, and waits until it has ended. */
async function whileServing({ args, env }: Start, work: () => Promise<void>): Promise<void> {
  const agent = spawn(process.execPath, args, { argv0: 'purser', env })
  const closed = once(agent, 'close')
  try {
    await new Promise<void>((resolve, reject) => {
      let said = ''
      agent.stderr.on('data', (some) => {
        said += some
        if (said.includes('"proxy listening"')) resolve()
      })
      closed.then(() => reject(new Error(`purser serve ended: ${said}`)), reject)
    })
    await work()
  } finally {
    agent.kill()
    await closed
  }
}

/** @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html */
const answerAsAmazon: RequestListener = (_, response) => {
  const authorizationToken = Buffer.from('AWS:password').toString('base64')
  const expiresAt = Date.now() / 1000 + 12 * 3600
  response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' })
  response.end(JSON.stringify({ authorizationData: [{ authorizationToken, expiresAt }] }))
}
