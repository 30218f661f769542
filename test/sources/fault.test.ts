import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { describeError, hintOf, PurserError } from '../../src/model/errors.ts'
import { askRequest, buildRegistry, ECR, named } from './harness.ts'

describe('what cannot be read', () => {
  const BROKEN = '{"USERNAME":"S3CRET'
  const source_image = 'ghcr.io/acme/base'

  /** Where it is a fault, of these three. */
  async function faults(request: unknown, build = buildRegistry('r.example')) {
    const places = ['ghcr.io', 'r.example', 'quay.io']
    const answers = await Promise.all(
      places.map((place) => askRequest(request, place, build).catch((error: unknown) => error)),
    )
    for (const error of answers.filter((answer) => typeof answer !== 'string')) {
      expect(error).toMatchObject({ code: 'request-invalid' })
      expect(inspect(error, { depth: null, showHidden: true })).not.toContain('S3CRET')
    }
    return places.filter((_, i) => typeof answers[i] !== 'string')
  }

  test.each<[string, unknown, readonly string[]]>([
    ['the source image has it', { image_credentials: BROKEN, source_image }, ['ghcr.io']],
    ['the build registry has it', { image_credentials: BROKEN }, ['r.example']],
    ["the build registry's own", { build_registry_credentials: BROKEN }, ['r.example']],
    ["the source image's own", { source_image_creds: BROKEN, source_image }, ['ghcr.io']],
    [
      'it names its registry all the same',
      { image_credentials: '{"registry":"quay.io","credentials":{"PASSWORD":7}}', source_image },
      ['quay.io'],
    ],
    ['it names no host', { image_credentials: named('S3CRET@quay.io'), source_image }, ['ghcr.io']],
    [
      'nothing says whose it is',
      { source_image_creds: BROKEN },
      ['ghcr.io', 'r.example', 'quay.io'],
    ],
    [
      'the source image cannot be read',
      { image_credentials: 'u:S3CRET', source_image: 'u:S3CRET@ghcr.io/x' },
      ['ghcr.io', 'r.example', 'quay.io'],
    ],
    [
      'neither can be read',
      { image_credentials: BROKEN, source_image: 'S3CRET//' },
      ['ghcr.io', 'r.example', 'quay.io'],
    ],
  ])('is a fault there and nowhere else: %s', async (_name, request, places) => {
    expect(await faults(request)).toEqual(places)
  })

  test.each<[string, unknown]>([
    ['the credential names its registry', { image_credentials: named('elsewhere.example') }],
    ['the credential is empty', { image_credentials: '{}', source_image_creds: '' }],
    ["the credential is the build registry's", { build_registry_credentials: 'u:p' }],
    ['there is no credential', {}],
  ])('is no fault if nobody needs it: a source image, and %s', async (_name, request) => {
    expect(await faults({ ...(request as object), source_image: 'Not An Image' })).toEqual([])
  })

  test('stops the chain before a weaker identity', async () => {
    const request = {
      image_credentials: BROKEN,
      source_image,
      source_image_creds: 'u:p',
    }
    await expect(askRequest(request, 'ghcr.io')).rejects.toThrow(
      'request.image_credentials begins like JSON and is none',
    )
  })

  test.each<[unknown, string, string]>([
    [
      { image_credentials: named(ECR, { AWS_ACCESS_KEY_ID: 'a', AWS_REGION: 'r' }) },
      ECR,
      'request.image_credentials cannot be used: AWS_SECRET_ACCESS_KEY not found or empty',
    ],
    [
      { image_credentials: named('ghcr.io', { GITHUB_USERNAME: 'u' }) },
      'ghcr.io',
      'request.image_credentials cannot be used: both GITHUB_USERNAME and GITHUB_TOKEN must be provided together',
    ],
    [
      { source_image, buildOptions: { sourceImageCreds: '{"NGC_API_KEY":"k"}' } },
      'ghcr.io',
      'request.buildOptions.sourceImageCreds cannot be used: NGC_API_KEY cannot log in to GitHub',
    ],
    [
      { image_credentials: named('ghcr.io', { ACME_KEY: 'k' }) },
      'ghcr.io',
      'request.image_credentials cannot be used: this registry takes none of its keys',
    ],
  ])('is told with its field and its keys: %j', async (request, place, message) => {
    const error = await askRequest(request, place).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(PurserError)
    expect(error).toMatchObject({ code: 'credential-incomplete' })
    expect(describeError(error)).toBe(message)
    expect(await askRequest(request, 'elsewhere.example')).toBe('nothing')
  })

  test('keeps the hint', async () => {
    const request = { image_credentials: named('ghcr.io', { NGC_API_KEY: 'k' }) }
    const error = await askRequest(request, 'ghcr.io').catch((reason: unknown) => reason)
    expect(hintOf(error)).toMatch(/^it takes GITHUB_TOKEN/)
  })
})
