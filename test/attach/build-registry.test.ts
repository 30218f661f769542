import { beforeEach, describe, expect, it } from 'vitest'
import { PurserError } from '../../src/model/errors.ts'
import { Secret } from '../../src/model/secret.ts'
import { basic, entryKey } from '../vault/files.ts'
import { BUILD, ECR, HOUR, keys, openStage, type Stage } from './harness.ts'

let stage: Stage

beforeEach(async () => {
  stage = await openStage()
})

describe('the credential of the build registry', () => {
  beforeEach(() => stage.vault.put(entryKey(ECR, '', { workspace: 'platform' }), keys))

  it.each([
    [{}, 'build_registry_credentials'],
    [{ container_id: 'c', image_id: 'i' }, 'build_registry_credentials'],
    [{ build_options: { source_image: 'ghcr.io/a/b' } }, 'build_registry_credentials'],
    [{ containerId: 'c' }, 'buildRegistryCredentials'],
    [{ build_registry_creds: '' }, 'build_registry_creds'],
    [{ buildRegistryCreds: null }, 'buildRegistryCreds'],
  ])('is minted for every request: %j', async (request, name) => {
    const { request: filled, fields } = await stage.attach(BUILD)(request)
    expect(filled[name]).toBe('AWS:minted-1')
    expect(fields[1]).toMatchObject({ field: name, state: 'filled' })
  })

  it.each([
    // [configured hours, age in hours, minted anew?]
    [undefined, 6, false],
    [undefined, 6.1, true],
    [2, 9.9, false],
    [2, 10.1, true],
    [11, 1.3, true],
  ])('has at least %s hours ahead: %f hours on, another: %s', async (hours, age, anew) => {
    const minLifeMs = hours === undefined ? undefined : hours * HOUR
    const attach = stage.attach({ ...BUILD, minLifeMs })
    await attach({})
    stage.pass(age * HOUR)
    const { request } = await attach({})
    expect(request).toMatchObject({ build_registry_credentials: `AWS:minted-${anew ? 2 : 1}` })
  })

  it('is one exchange for all that ask at once', async () => {
    const attach = stage.attach(BUILD)
    await Promise.all(Array.from({ length: 1_000 }, () => attach({ image_id: 'i' })))
    expect(stage.minted()).toBe(1)
  })

  it('is of the entry that the configuration names', async () => {
    await stage.vault.put(entryKey(ECR, '', { workspace: 'platform', name: 'ci' }), {
      ...basic('of-ci'),
      username: 'AWS',
    })
    const attach = stage.attach({ ...BUILD, credential: { entry: 'ci' } })
    expect((await attach({})).text).toBe('{"build_registry_credentials":"AWS:of-ci"}')
  })

  it('is not put into a request that nobody could read then', async () => {
    const around = '{"x":""}'.length
    const attach = stage.attach(BUILD)
    const long = `{"x":"${'x'.repeat(1024 * 1024 - around)}"}`
    await expect(attach(long)).rejects.toThrow('the request has more than 1 MiB')
  })

  it('is told when it cannot be minted, and nothing goes on without', async () => {
    await stage.vault.put(entryKey(ECR, '', { workspace: 'platform' }), {
      kind: 'identity-token',
      token: new Secret('t'),
    })
    const attach = stage.attach(BUILD, new PurserError('exchange-failed', 'refused'))
    await expect(attach({})).rejects.toThrow(
      `cannot log in to ${ECR}/builds with entry default for ${ECR} of workspace platform`,
    )
  })
})

describe('what is there already', () => {
  beforeEach(() => stage.vault.put(entryKey(ECR, '', { workspace: 'platform' }), keys))

  const given = {
    image_credentials: '{"USERNAME":"u","PASSWORD":"p"}',
    build_registry_credentials: 'AWS:old',
    image_id: 'i',
  }

  it('is kept', async () => {
    const { text, fields } = await stage.attach(BUILD)(given)
    expect(text).toBe(JSON.stringify(given))
    expect(fields.map(({ state }) => state)).toEqual(['kept', 'kept'])
    expect(stage.minted()).toBe(0)
  })

  it('is replaced if that is wanted, and if there is something else', async () => {
    const { request } = await stage.attach(BUILD)(given, true)
    expect(request).toEqual({ ...given, build_registry_credentials: 'AWS:minted-1' })
  })

  it('is replaced by every name that it has', async () => {
    const { image_id } = given
    const request = {
      build_registry_creds: 'AWS:old',
      image_id,
      buildRegistryCredentials: 'AWS:old',
    }
    expect((await stage.attach(BUILD)(request, true)).request).toEqual({
      build_registry_creds: 'AWS:minted-1',
      image_id,
      buildRegistryCredentials: 'AWS:minted-1',
    })
  })

  it('and cannot be read is told, though nothing is to be done with it', async () => {
    const broken = { ...given, build_options: { sourceImageCreds: '{S3CRET' } }
    await expect(stage.attach(BUILD)(broken)).rejects.toThrow(
      /^request.build_options.sourceImageCreds begins like JSON and is none$/,
    )
  })

  it('and cannot be read is told unless it is replaced', async () => {
    const broken = { ...given, build_registry_credentials: 'S3CRET' }
    await expect(stage.attach(BUILD)(broken)).rejects.toThrow(
      /^request.build_registry_credentials is neither a JSON object nor user:password$/,
    )
    const { request } = await stage.attach(BUILD)(broken, true)
    expect(request).toMatchObject({ build_registry_credentials: 'AWS:minted-1' })
  })

  it('of another kind passes through untouched, in order', async () => {
    const text =
      '\ufeff{\n  "z": 9007199254740993,\n  "2": {"image_credentials": "no"},\n  "1": [1.10, null],\n' +
      '  "env": ["TOKEN=\\u0053"],\n  "image_id": "i"\n}\n'
    const attached = await stage.attach(BUILD)(text)
    expect(attached.text).toBe(
      text.replace(
        '"image_id": "i"\n',
        '"image_id": "i",\n  "build_registry_credentials": "AWS:minted-1"\n',
      ),
    )
  })
})
