import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const HELPER = 'docker-credential-purser'
const HOST = 'ghcr.io'
const ECR_HOST = '123456789012.dkr.ecr.us-east-1.amazonaws.com'

/** The example key of AWS's own documentation: nobody's. */
const ECR_KEYS = {
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  AWS_REGION: 'us-east-1',
}

/**
 * Has the program in `directory` do what it is started for most often, so that the scripts' code
 * caches hold what it needs for that. It asks nobody but this process.
 *
 * @param execArgv - as the binary has them: code is compiled for one set of flags
 */
export async function rehearse(directory: string, execArgv: readonly string[]): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'purser-scene-'))
  const amazon = createServer(answerAsAmazon)
  amazon.listen(0, '127.0.0.1')
  await once(amazon, 'listening')
  const { port } = amazon.address() as AddressInfo
  const play = async (name: string, args: readonly string[], input = '') => {
    const script = join(import.meta.dirname, 'rehearsal.ts')
    const child = spawn(process.execPath, [...execArgv, script, ...args], {
      argv0: name,
      env: {
        PURSER_HOME: home,
        REHEARSAL: directory,
        AWS_ENDPOINT_URL_ECR: `http://127.0.0.1:${port}`,
      },
    })
    const said: Buffer[] = []
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (some) => said.push(some))
    child.stdin.end(input)
    const [status] = await once(child, 'close')
    if (status === 0) return
    throw new Error(`${name} ${args.join(' ')} ended with ${status}: ${Buffer.concat(said)}`)
  }
  try {
    await play('purser', ['--help'])
    await play('purser', ['login', HOST, '--username', 'u', '--password-stdin'], 'p')
    await play('purser', ['login', ECR_HOST, '--json', '-'], JSON.stringify(ECR_KEYS))
    await play('purser', ['get', HOST])
    await play('purser', ['list'])
    // What a client asks comes last, and with nothing set: what is kept last is found fastest.
    await play(HELPER, ['get'], ECR_HOST)
    await play(HELPER, ['get'], HOST)
  } finally {
    amazon.close()
    rmSync(home, { recursive: true, force: true })
  }
}

/** @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html */
const answerAsAmazon: RequestListener = (_, response) => {
  const authorizationToken = Buffer.from('AWS:password').toString('base64')
  const expiresAt = Date.now() / 1000 + 12 * 3600
  response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' })
  response.end(JSON.stringify({ authorizationData: [{ authorizationToken, expiresAt }] }))
}
