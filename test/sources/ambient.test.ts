import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, onTestFinished, test } from 'vitest'
import { listen, stop } from '../fakes/http.ts'
import { answering, auth, type Machine, openMachine } from './machine.ts'

const MAIN = join(import.meta.dirname, '../../src/main.ts')
const HELPER = 'docker-credential-purser'
const NOT_FOUND = 'credentials not found in native keychain\n'
const ON = '[ambient]\nenabled = true\n'

type Env = Readonly<Record<string, string>>

/** A machine with a Purser of its own, configured so. */
function openPurser(config: string) {
  const machine = openMachine()
  machine.write('purser/config.toml', config)
  chmodSync(join(machine.home, 'purser'), 0o700)
  const base = { ...machine.env, PURSER_HOME: join(machine.home, 'purser') }

  function start(name: string, args: readonly string[], more: Env) {
    const env = { ...base, ...more }
    const child = spawn(process.execPath, ['--no-warnings', MAIN, ...args], { argv0: name, env })
    onTestFinished(() => void child.kill('SIGKILL'))
    return child
  }

  async function run(name: string, args: readonly string[], input: string, more: Env = {}) {
    const child = start(name, args, more)
    child.stdin.end(input)
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
    if (child.exitCode === null) await once(child, 'exit')
    return { code: child.exitCode, stdout, stderr }
  }

  return {
    ...machine,
    get: (host: string, more?: Env) => run(HELPER, ['get'], host, more),
    purser: (args: readonly string[], more?: Env) => run('purser', args, '', more),
    async serve(more: Env = {}): Promise<void> {
      const child = start('purser', ['serve', '--listen', '127.0.0.1:0'], more)
      for await (const chunk of child.stderr) {
        if (String(chunk).includes('agent listening')) break
      }
      child.stderr.resume()
    },
  }
}

/** A helper that is a script around us, as people write them. */
function wrapUs({ write }: Pick<Machine, 'write'>, name: string): void {
  write(
    `bin/docker-credential-${name}`,
    `#!/bin/bash\necho ${name} >> "$RUNS"\nexec -a ${HELPER} ${process.execPath} --no-warnings ${MAIN} get\n`,
    0o755,
  )
}

function loginOf(url: string, username: string, secret: string): string {
  return `${JSON.stringify({ ServerURL: url, Username: username, Secret: secret })}\n`
}

describe('what lies around on a machine', () => {
  test('is not looked at unless it is asked for', async () => {
    const purser = openPurser('')
    purser.write('.docker/config.json', 'canary')
    purser.write('named.json', 'canary', 0o666)
    const told = await purser.get('ghcr.io', {
      REGISTRY_AUTH_FILE: join(purser.home, 'named.json'),
      GITHUB_TOKEN: 'canary',
    })
    expect(told).toEqual({ code: 1, stdout: NOT_FOUND, stderr: '' })
    purser.write('.docker/config.json', { credsStore: 'x' })
    purser.helper('x', answering('x', 'canary'))
    expect(await purser.get('ghcr.io')).toMatchObject({ code: 1, stdout: NOT_FOUND })
    expect(purser.runs()).toEqual([])
  })

  test('answers in the order of the configuration', async () => {
    const sources = (names: string) => `${ON}sources = ${names}\n`
    const env = { GITHUB_TOKEN: 'env', XDG_RUNTIME_DIR: '/nowhere' }
    const look = async (names: string) => {
      const purser = openPurser(sources(names))
      purser.write('.docker/config.json', { auths: { 'ghcr.io': auth('docker:d') } })
      purser.write('.config/containers/auth.json', { auths: { 'ghcr.io': auth('podman:p') } })
      const { stdout } = await purser.get('ghcr.io', env)
      return stdout === NOT_FOUND ? 'nothing' : JSON.parse(stdout).Secret
    }
    expect(await look('["docker", "containers", "environment", "cloud"]')).toBe('d')
    expect(await look('["environment", "docker"]')).toBe('env')
    expect(await look('["cloud", "containers"]')).toBe('p')
    expect(await look('[]')).toBe('nothing')
  })

  test('comes after the vault, and explain says where it is', async () => {
    const purser = openPurser(ON)
    const path = purser.write('.docker/config.json', { credHelpers: { 'ghcr.io': 'x' } })
    purser.helper('x', answering('ann', 'canary'))
    const told = await purser.purser(['explain', 'ghcr.io/acme/app'])
    expect(told.stdout).toMatch(/^vault +nothing$/m)
    expect(told.stdout).toContain(`found docker-credential-x, which ${path} names, of kind basic`)
    expect(told.stdout + told.stderr).not.toContain('canary')
    await purser.purser(['login', 'ghcr.io', '--from-env', 'GITHUB_TOKEN'], { GITHUB_TOKEN: 'v' })
    expect((await purser.get('ghcr.io')).stdout).toContain('"Secret":"v"')
  })

  test('that cannot be used is told as a fault, and not as nothing', async () => {
    const purser = openPurser(ON)
    purser.write('.docker/config.json', { credHelpers: { 'ghcr.io': 'x' } })
    purser.helper('x', 'echo canary; exit 1')
    const told =
      'docker-credential-x get for "ghcr.io" ended with 1 ' +
      '(run it by hand: echo ghcr.io | docker-credential-x get)\n'
    expect(await purser.get('ghcr.io')).toEqual({
      code: 1,
      stdout: told,
      stderr: `docker-credential-purser: error: ${told}`,
    })
    expect((await purser.get('quay.io')).stdout).toBe(NOT_FOUND)
  })

  test('is not for a request, unless the operator lends it', async () => {
    const request = JSON.stringify({ image_credentials: '{"USERNAME":"u","PASSWORD":"p"}' })
    const look = async (config: string) => {
      const purser = openPurser(config)
      purser.write('.docker/config.json', { auths: { 'ghcr.io': auth('ann:s') } })
      return (await purser.get('ghcr.io', { PURSER_REQUEST: request })).stdout
    }
    expect(await look(ON)).toBe(NOT_FOUND)
    expect(await look(`${ON}requests = true\n`)).toBe(loginOf('ghcr.io', 'ann', 's'))
  })
})

describe('a helper that asks us in turn', () => {
  test('is run once, and told that we have nothing', async () => {
    const purser = openPurser(ON)
    purser.write('.docker/config.json', {
      credsStore: 'round',
      auths: { 'ghcr.io': auth('file:s') },
    })
    wrapUs(purser, 'round')
    expect((await purser.get('ghcr.io')).stdout).toBe(loginOf('ghcr.io', 'file', 's'))
    expect((await purser.get('quay.io')).stdout).toBe(NOT_FOUND)
    expect(purser.runs()).toEqual(['round', 'round'])
  })

  test('gets what the vault has', async () => {
    const purser = openPurser(ON)
    wrapUs(purser, 'round')
    purser.write('.docker/config.json', { credsStore: 'round' })
    await purser.purser(['login', 'ghcr.io', '--from-env', 'GITHUB_TOKEN'], { GITHUB_TOKEN: 'v' })
    expect((await purser.get('ghcr.io', { PURSER_ASKING: '1' })).stdout).toContain('"Secret":"v"')
    expect(purser.runs()).toEqual([])
  })

  test('does not go round through the agent', async () => {
    const purser = openPurser(ON)
    purser.write('.docker/config.json', { credsStore: 'round' })
    wrapUs(purser, 'round')
    await purser.serve()
    expect((await purser.get('ghcr.io')).stdout).toBe(NOT_FOUND)
    expect(purser.runs()).toEqual(['round'])
  })
})

describe('a process with an identity of its own', () => {
  test("is not answered with the agent's", async () => {
    const purser = openPurser(ON)
    purser.write('ci/config.json', { auths: { 'ghcr.io': auth('ci:s') } })
    await purser.serve({ NGC_API_KEY: 'of-the-agent' })
    const secretFor = async (host: string, env?: Env) => {
      const { stdout } = await purser.get(host, env)
      return stdout === NOT_FOUND ? 'nothing' : JSON.parse(stdout).Secret
    }
    expect(await secretFor('nvcr.io')).toBe('of-the-agent')
    expect(await secretFor('nvcr.io', { NGC_API_KEY: 'mine' })).toBe('mine')
    const elsewhere = { DOCKER_CONFIG: join(purser.home, 'ci') }
    expect(await secretFor('ghcr.io')).toBe('nothing')
    expect(await secretFor('ghcr.io', elsewhere)).toBe('s')
    expect(await secretFor('nvcr.io', elsewhere)).toBe('nothing')
  })
})

describe('the clouds', () => {
  /** A metadata server that counts who asks it, and knows nobody. */
  async function metadata() {
    const asked: string[] = []
    const server = createServer((req, res) => {
      asked.push(`${req.method} ${req.url}`)
      res.writeHead(404, { 'metadata-flavor': 'Google' }).end()
    })
    const port = await listen(server)
    onTestFinished(() => stop(server))
    return { asked, host: `127.0.0.1:${port}` }
  }

  test.each([
    '123456789012.dkr.ecr.us-east-1.amazonaws.com',
    'public.ecr.aws',
    'ghcr.io',
    'acme.azurecr.io',
    'gcr.io.evil.example',
  ])("leave Google's metadata server asleep for %s", async (host) => {
    const google = await metadata()
    const others = await metadata()
    const purser = openPurser(ON)
    const told = await purser.get(host, {
      GCE_METADATA_HOST: google.host,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://${others.host}`,
      IDENTITY_ENDPOINT: `http://${others.host}/msi`,
      IDENTITY_HEADER: 'h',
    })
    expect(told.code).toBe(1)
    expect(google.asked).toEqual([])
  })

  test("are asked for their own: Google's for Google's", async () => {
    const google = await metadata()
    const others = await metadata()
    const purser = openPurser(ON)
    await purser.get('us-docker.pkg.dev', {
      GCE_METADATA_HOST: google.host,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://${others.host}`,
      IDENTITY_ENDPOINT: `http://${others.host}/msi`,
      IDENTITY_HEADER: 'h',
    })
    expect(google.asked.length).toBeGreaterThan(0)
    expect(others.asked).toEqual([])
  })

  test('with no identity are a miss', async () => {
    const purser = openPurser(ON)
    const env = { AWS_EC2_METADATA_DISABLED: 'true' }
    const told = await purser.get('123456789012.dkr.ecr.us-east-1.amazonaws.com', env)
    expect(told).toEqual({ code: 1, stdout: NOT_FOUND, stderr: '' })
  })
})
