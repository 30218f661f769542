import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { openPurser, type Purser } from '../../src/index.ts'
import { testAuthority } from '../fakes/certificates.ts'
import { startEcr } from '../fakes/ecr.ts'

const ECR = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
const HOUR = 60 * 60_000
const KEYS = {
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'canary/K7MDENG/bPxRfiCYEXAMPLEKEY',
  AWS_REGION: 'us-east-1',
}
const GITHUB = { GITHUB_USERNAME: 'octocat', GITHUB_TOKEN: 'canary-token' }

let home: string

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'purser-l-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
})

/** Purser as a program of this user's opens it, with an Amazon that is played. */
async function open(...config: readonly string[]) {
  const ecr = await startEcr({
    hosts: ['api.ecr.us-east-1.amazonaws.com'],
    signer: {
      accessKeyId: KEYS.AWS_ACCESS_KEY_ID,
      secretAccessKey: KEYS.AWS_SECRET_ACCESS_KEY,
    },
    expiresAt: new Date(Date.now() + 12 * HOUR),
  })
  onTestFinished(() => ecr.close())
  const connect = [...ecr.connect].map(([from, to]) => `"${from}" = "${to}"`)
  const ca = JSON.stringify([testAuthority().caFile])
  writeFileSync(
    join(home, 'config.toml'),
    [...config, '[connect]', ...connect, '[tls]', `ca = ${ca}`].join('\n'),
  )
  return { ecr, purser: reopen() }
}

function reopen(workspace?: string): Purser {
  const purser = openPurser(
    { env: { PURSER_HOME: home, ...GITHUB } },
    workspace === undefined ? {} : { workspace },
  )
  onTestFinished(() => purser.close())
  return purser
}

describe('an image', () => {
  it('has the credential that it was linked to, in every program of this user', async () => {
    const { purser } = await open()
    const set = await purser.setImageCredentialSecret('i1', {
      reference: 'ghcr.io/acme/app:1',
      keys: GITHUB,
    })
    expect(set).toEqual({
      image: 'i1',
      secretName: 'oci-registry-ghcr-io-acme-app',
      reference: 'ghcr.io/acme/app:1',
      pushed: undefined,
      updatedAt: expect.any(Date),
    })
    await purser.close()
    expect(readFileSync(join(home, 'vault.db'), 'latin1')).not.toMatch(/canary|ghcr/)
    const again = reopen()
    expect(await again.getImageCredentialSecret('i1')).toEqual(set)
    const { request, fields } = await again.attachImageCredentials('{ "image_id": "i1" }')
    expect(JSON.parse(JSON.parse(request).image_credentials)).toEqual({
      registry: 'ghcr.io',
      type: 'token',
      credentials: GITHUB,
    })
    expect(fields).toMatchObject([{ field: 'image_credentials', state: 'filled' }])
  })

  it('keeps what is not said again, and remembers where it was pushed', async () => {
    const { purser } = await open()
    await purser.setImageCredentialSecret('i1', { reference: 'ghcr.io/acme/app', keys: GITHUB })
    await purser.setImageCredentialSecret('i1', { pushed: 'r.example/builds:i1' })
    expect(await purser.getImageCredentialSecret('i1')).toMatchObject({
      secretName: 'oci-registry-ghcr-io-acme-app',
      reference: 'ghcr.io/acme/app',
      pushed: 'r.example/builds:i1',
    })
  })

  it('is its workspace’s alone', async () => {
    const { purser } = await open()
    const secret = { reference: 'ghcr.io/acme/app', keys: GITHUB }
    await purser.setImageCredentialSecret('i1', secret, { workspace: 'team' })
    expect(await purser.getImageCredentialSecret('i1')).toBeUndefined()
    expect(await reopen('team').getImageCredentialSecret('i1')).toBeDefined()
    const { request, fields } = await purser.attachImageCredentials('{"image_id":"i1"}')
    expect(request).toBe('{"image_id":"i1"}')
    expect(fields).toEqual([
      {
        field: 'image_credentials',
        state: 'empty',
        why: 'image "i1" has no link in workspace default',
      },
    ])
  })

  it.each([
    ['keys without a reference', 'i1', { keys: GITHUB }, 'a credential needs a reference'],
    ['no id', '', { reference: 'ghcr.io/a/b' }, '"" is not the id of an image'],
    ['no image', 'i1', { reference: 'a b' }, 'cannot read "a b" as an image'],
    [
      'half of a credential',
      'i1',
      { reference: 'ghcr.io/a/b', keys: { GITHUB_USERNAME: 'u' } },
      'both GITHUB_USERNAME and GITHUB_TOKEN must be provided together',
    ],
  ])('is not linked: %s', async (_, image, secret, message) => {
    const { purser } = await open()
    await expect(purser.setImageCredentialSecret(image, secret)).rejects.toThrow(message)
    expect(await purser.getImageCredentialSecret('i1')).toBeUndefined()
  })
})

describe('a token', () => {
  it('is minted of an account’s keys', async () => {
    const { purser, ecr } = await open()
    expect(await purser.getRegistryTokenForImage(`${ECR}/builds:dummy`, KEYS)).toBe(
      `AWS:${ecr.password}`,
    )
    expect(ecr.calls).toHaveLength(1)
  })

  it('of a provider is minted once, and is for its registry alone', async () => {
    const { ecr } = await open()
    const env = { ...KEYS, PURSER_HOME: home }
    await using purser = openPurser({ env, geteuid: () => process.geteuid?.() ?? 0 })
    const provider = await purser.createProviderFromEnv(ECR, Object.keys(KEYS))
    const asked = Array.from({ length: 100 }, () => provider.getCredentials(ECR))
    for (const login of await Promise.all(asked)) {
      expect(login).toEqual({
        username: 'AWS',
        password: ecr.password,
        expiresAt: expect.any(Date),
      })
    }
    expect(await provider.getCredentials('evil.example')).toBeUndefined()
    expect(ecr.calls).toHaveLength(1)
  })

  it('of the build registry is in every request, and that field alone is filled in', async () => {
    const { purser, ecr } = await open(
      ...['[build_registry]', `host = "${ECR}"`, 'repository = "builds"', 'workspace = "platform"'],
    )
    const secret = { reference: `${ECR}/builds`, keys: KEYS }
    await purser.setImageCredentialSecret('base', secret, { workspace: 'platform' })
    await purser.setImageCredentialSecret('i1', { reference: 'ghcr.io/a/b', keys: GITHUB })
    const { request, fields } = await purser.attachBuildRegistryCredentials('{"image_id":"i1"}')
    expect(JSON.parse(request)).toEqual({
      image_id: 'i1',
      build_registry_credentials: `AWS:${ecr.password}`,
    })
    expect(fields.map(({ state }) => state)).toEqual(['filled'])
    const both = await purser.attachCredentials('{"image_id":"i1"}')
    expect(both.fields.map(({ state }) => state)).toEqual(['filled', 'filled'])
    expect(ecr.calls).toHaveLength(1)
  })

  it('is refused with the cloud’s reason, and without a secret', async () => {
    const { purser } = await open()
    const wrong = { ...KEYS, AWS_SECRET_ACCESS_KEY: 'canary-wrong' }
    const minting = purser.getRegistryTokenForImage(`${ECR}/a`, wrong)
    await expect(minting).rejects.toMatchObject({
      code: 'exchange-failed',
      message: expect.not.stringContaining('canary'),
    })
  })
})

it('takes what a program is for its host', async () => {
  await using purser = openPurser(process, { config: join(home, 'none.toml') })
  await expect(purser.getImageCredentialSecret('i1')).rejects.toMatchObject({
    code: 'config-invalid',
  })
})

describe('the provider of an image', () => {
  it('is the request’s before the vault’s', async () => {
    const { purser } = await open()
    await purser.setImageCredentialSecret('i1', { reference: 'ghcr.io/acme/app', keys: GITHUB })
    const bring =
      '{"image_credentials":"{\\"registry\\":\\"ghcr.io\\",\\"GITHUB_TOKEN\\":\\"t\\"}"}'
    const choose = (request: string | undefined, reference: string) =>
      purser.getCredentialProviderForImage(request, reference)
    expect((await choose(bring, 'ghcr.io/acme/app')).source).toBe('request.image_credentials')
    const { source, reason, provider } = await choose('{}', 'ghcr.io/acme/app:2')
    expect(source).toBe('vault')
    expect(reason).toMatch(/^entry default for ghcr.io\/acme\/app of workspace default is for /)
    expect(await provider?.getCredentials('ghcr.io')).toMatchObject({ password: 'canary-token' })
    expect(await choose(undefined, 'quay.io/acme/app')).toEqual({
      provider: undefined,
      source: undefined,
      reason: 'vault: nothing',
    })
  })
})
