import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hostsOf } from '../../src/sources/request.ts'
import vectors from '../vectors/hosts.json' with { type: 'json' }
import { buildRegistry, named, requestOf } from './harness.ts'

describe('the hosts of a request', () => {
  const hostNames = (request: unknown, build = buildRegistry('r.example', 'builds')) =>
    hostsOf(requestOf(request), { buildRegistry: build }).map(({ name }) => name)

  test.each<[string, unknown, readonly string[]]>([
    ['none', {}, []],
    ['that of an empty credential', { image_credentials: '{}', source_image: 'ghcr.io/a/b' }, []],
    ['the named one', { image_credentials: named('quay.io') }, ['quay.io']],
    [
      'one of each field',
      {
        image_credentials: named('quay.io'),
        build_registry_credentials: 'u:p',
        build_options: { source_image: 'ghcr.io/a/b', source_image_creds: 'u:p' },
      },
      ['quay.io', 'ghcr.io', 'r.example'],
    ],
    [
      'each once',
      {
        image_credentials: 'u:p',
        build_options: { source_image: 'ubuntu', source_image_creds: 'u:p' },
      },
      ['docker.io'],
    ],
    ['that of an unreadable value', { build_registry_credentials: '{' }, ['r.example']],
    [
      'that of keys that cannot be used',
      { image_credentials: named('nvcr.io', { GITHUB_TOKEN: 't' }) },
      ['nvcr.io'],
    ],
    ['not that of a malformed registry', { source_image_creds: named('a b') }, []],
    ['not that of a malformed source image', { image_credentials: 'u:p', source_image: 'A B' }, []],
    [
      'the others beside a malformed source image',
      { source_image_creds: 'u:p', source_image: ':', build_registry_credentials: 'u:p' },
      ['r.example'],
    ],
  ])('are %s', (_name, request, names) => {
    expect(hostNames(request)).toEqual(names)
  })

  test('can be told of any request', () => {
    const text = fc
      .oneof(
        fc.string(),
        fc.json(),
        fc
          .record({ registry: fc.string(), credentials: fc.dictionary(fc.string(), fc.string()) })
          .map((value) => JSON.stringify(value)),
        fc.constantFrom(...Object.values(vectors.lookAlikes).flat()),
      )
      // What has one is no request: parseRequest has refused it.
      .filter((value) => !value.includes('\0'))
    fc.assert(
      fc.property(text, text, text, text, (image, source, build, sourceImage) => {
        const request = requestOf({
          image_credentials: image,
          source_image_creds: source,
          build_registry_credentials: build,
          source_image: sourceImage,
        })
        expect(() => hostsOf(request, { buildRegistry: undefined })).not.toThrow()
      }),
    )
  })
})
