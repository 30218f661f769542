import { beforeEach, describe, expect, it } from 'vitest'
import { parseHost } from '../../src/model/host.ts'
import { parseReference } from '../../src/model/reference.ts'
import { basic, entryKey } from '../vault/files.ts'
import { BUILD, ECR, HOUR, keys, openStage, type Stage } from './harness.ts'

const role = {
  arn: 'arn:aws:iam::123456789012:role/pull',
  externalId: undefined,
  sessionName: undefined,
}

let stage: Stage

beforeEach(async () => {
  stage = await openStage()
})

describe('the credential of an image', () => {
  it('is that of its link', async () => {
    await stage.vault.linkImage(
      {
        workspace: 'team',
        image: 'i1',
        entry: { host: parseHost('ghcr.io'), prefix: 'acme', name: 'default' },
        reference: undefined,
        pushed: undefined,
      },
      basic('one'),
    )
    await stage.vault.put(
      entryKey('ghcr.io', 'acme', { workspace: 'team', name: 'other' }),
      basic('two'),
    )
    const { image, fields } = await stage.attach(BUILD)({ image_id: 'i1' })
    expect(image).toEqual({
      registry: 'ghcr.io',
      type: 'token',
      credentials: { GITHUB_USERNAME: 'ada', GITHUB_TOKEN: 'one' },
    })
    expect(fields[0]).toEqual({
      field: 'image_credentials',
      state: 'filled',
      from: 'entry default for ghcr.io/acme of workspace team',
      expiresAt: undefined,
    })
  })

  it('is new as soon as the entry is', async () => {
    const link = {
      workspace: 'team',
      image: 'i1',
      entry: { host: parseHost('registry.example'), prefix: '', name: 'default' },
      reference: undefined,
      pushed: undefined,
    }
    await stage.vault.linkImage(link, basic('one'))
    const attach = stage.attach(BUILD)
    expect((await attach({ image_id: 'i1' })).text).toContain('one')
    await stage.vault.put({ workspace: 'team', ...link.entry }, basic('two'))
    expect((await attach({ image_id: 'i1' })).text).toContain('two')
  })

  it('is that of the nearest entry to what the image was made from', async () => {
    await stage.vault.linkImage({
      workspace: 'team',
      image: 'i1',
      entry: undefined,
      reference: parseReference('registry.example/acme/app:1'),
      pushed: undefined,
    })
    await stage.vault.put(entryKey('registry.example', '', { workspace: 'team' }), basic('far'))
    await stage.vault.put(
      entryKey('registry.example', 'acme', { workspace: 'team' }),
      basic('near'),
    )
    await stage.vault.put(
      entryKey('registry.example', 'acme/app', { workspace: 'b' }),
      basic('foreign'),
    )
    const { image } = await stage.attach(BUILD)({ image_id: 'i1' })
    expect(image).toMatchObject({ credentials: { PASSWORD: 'near' } })
  })

  it('is, of a build, that of the image that it starts from', async () => {
    await stage.vault.put(entryKey('nvcr.io', '', { workspace: 'team' }), {
      ...basic('nvapi-1'),
      username: '$oauthtoken',
    })
    const build_options = { source_image: 'nvcr.io/nvidia/pytorch:1' }
    const { image } = await stage.attach(BUILD)({ build_options })
    expect(image).toEqual({
      registry: 'nvcr.io',
      type: 'token',
      credentials: { NGC_API_KEY: 'nvapi-1' },
    })
  })

  it('is an account’s keys, with the region of the registry', async () => {
    await stage.vault.put(entryKey(ECR, '', { workspace: 'team' }), keys)
    const { image } = await stage.attach()({ build_options: { source_image: `${ECR}/app` } })
    expect(image).toEqual({
      registry: ECR,
      type: 'aws',
      credentials: {
        AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
        AWS_SECRET_ACCESS_KEY: 'S3CRET',
        AWS_REGION: 'us-east-1',
      },
    })
    expect(stage.minted()).toBe(0)
  })

  it('is a login where it is the right to take on a role: nobody else could', async () => {
    await stage.vault.put(entryKey(ECR, '', { workspace: 'team' }), { ...keys, role })
    const attach = stage.attach()
    const build = { build_options: { source_image: `${ECR}/app` } }
    const { image, fields } = await attach(build)
    expect(image).toEqual({
      registry: ECR,
      type: 'basic',
      credentials: { USERNAME: 'AWS', PASSWORD: 'minted-1' },
    })
    expect(fields[0]).toMatchObject({ expiresAt: new Date(stage.now() + 12 * HOUR) })
    await attach(build)
    expect(stage.minted()).toBe(1)
  })

  it.each([
    [{}, 'the request names no image'],
    [{ image_id: 'i9' }, 'image "i9" has no link in workspace team'],
    [
      { build_options: { source_image: 'ghcr.io/a/b' } },
      'workspace team has no entry for ghcr.io/a/b',
    ],
    [{ image_id: 'gone' }, 'its image is linked to ghcr.io/acme, of which the entry is gone'],
  ])('is none, and the request says the same as before: %j', async (request, why) => {
    await stage.vault.linkImage({
      workspace: 'team',
      image: 'gone',
      entry: { host: parseHost('ghcr.io'), prefix: 'acme', name: 'default' },
      reference: undefined,
      pushed: undefined,
    })
    const text = JSON.stringify(request)
    const attached = await stage.attach()(text)
    expect(attached.text).toBe(text)
    expect(attached.fields).toEqual([
      { field: 'image_credentials', state: 'empty', why },
      {
        field: 'build_registry_credentials',
        state: 'empty',
        why: 'no [build_registry] is configured',
      },
    ])
  })
})
