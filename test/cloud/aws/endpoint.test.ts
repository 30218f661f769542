import { describe, expect, test } from 'vitest'
import { isLoopback, readEndpoints, type Sections } from '../../../src/cloud/aws/endpoint.ts'

const SECTIONS: Sections = {
  dev: {
    endpoint_url: 'https://of-profile.example',
    services: 'near',
    use_fips_endpoint: 'true',
    use_dualstack_endpoint: 'True',
  },
  'services.near': {
    'ecr.endpoint_url': 'https://ecr-of-services.example',
    'ecr_public.endpoint_url': 'https://public-of-services.example',
  },
  ignoring: { endpoint_url: 'https://of-profile.example', ignore_configured_endpoint_urls: 'true' },
}

const of = (name: string) => ({ name, sections: SECTIONS })

describe('where a service is asked', () => {
  test.each([
    ['where Amazon says', {}, undefined, 'ECR', undefined],
    [
      'where the variable says',
      { AWS_ENDPOINT_URL: 'https://all.example' },
      undefined,
      'STS',
      'https://all.example/',
    ],
    [
      'where the variable of the service says, rather',
      { AWS_ENDPOINT_URL: 'https://all.example', AWS_ENDPOINT_URL_ECR: 'https://ecr.example/x' },
      undefined,
      'ECR',
      'https://ecr.example/x',
    ],
    [
      'and that is of one service',
      { AWS_ENDPOINT_URL_ECR: 'https://ecr.example' },
      undefined,
      'ECR PUBLIC',
      undefined,
    ],
    [
      'whose name may have two words',
      { AWS_ENDPOINT_URL_ECR_PUBLIC: 'https://public.example' },
      undefined,
      'ECR PUBLIC',
      'https://public.example/',
    ],
    [
      'where the services of the profile say',
      {},
      of('dev'),
      'ECR',
      'https://ecr-of-services.example/',
    ],
    ['by the same two words', {}, of('dev'), 'ECR PUBLIC', 'https://public-of-services.example/'],
    ['else where the profile says', {}, of('dev'), 'STS', 'https://of-profile.example/'],
    [
      'and before both, where the variable says',
      { AWS_ENDPOINT_URL: 'https://all.example' },
      of('dev'),
      'ECR',
      'https://all.example/',
    ],
    [
      'unless the variables are ignored',
      { AWS_ENDPOINT_URL: 'https://all.example', AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'TRUE' },
      of('dev'),
      'ECR',
      undefined,
    ],
    ['or the profile ignores them', {}, of('ignoring'), 'ECR', undefined],
    ['an empty variable says nothing', { AWS_ENDPOINT_URL: '' }, undefined, 'ECR', undefined],
    [
      'this machine needs no TLS',
      { AWS_ENDPOINT_URL: 'http://localhost:4566' },
      undefined,
      'ECR',
      'http://localhost:4566/',
    ],
    [
      'a profile that is a property of all objects is none',
      {},
      of('constructor'),
      'ECR',
      undefined,
    ],
  ] as const)('%s', (_name, env, profile, service, expected) => {
    expect(readEndpoints(env, profile).of(service)?.href).toBe(expected)
  })

  test.each([
    ['http://10.1.2.3', 'policy', 'AWS_ENDPOINT_URL is neither https nor on this machine'],
    [
      'http://127.0.0.1.evil.example',
      'policy',
      'AWS_ENDPOINT_URL is neither https nor on this machine',
    ],
    [
      'http://localhost.evil.example',
      'policy',
      'AWS_ENDPOINT_URL is neither https nor on this machine',
    ],
    ['http://[::2]', 'policy', 'AWS_ENDPOINT_URL is neither https nor on this machine'],
    ['ftp://localhost', 'config-invalid', 'AWS_ENDPOINT_URL is not a URL'],
    ['secret-of-mine', 'config-invalid', 'AWS_ENDPOINT_URL is not a URL'],
  ])('never %s', (text, code, message) => {
    const endpoints = readEndpoints({ AWS_ENDPOINT_URL: text }, undefined)
    expect(() => endpoints.of('ECR')).toThrow(expect.objectContaining({ code, message }))
  })
})

test.each([
  ['neither', {}, undefined, [false, false]],
  ['FIPS', { AWS_USE_FIPS_ENDPOINT: 'true' }, undefined, [true, false]],
  ['dual stack', { AWS_USE_DUALSTACK_ENDPOINT: 'True' }, undefined, [false, true]],
  ['both, of the profile', {}, of('dev'), [true, true]],
  ['not what the variable denies', { AWS_USE_FIPS_ENDPOINT: 'false' }, of('dev'), [false, true]],
] as const)('the kind of endpoint: %s', (_name, env, profile, expected) => {
  const { fips, dualStack } = readEndpoints(env, profile)
  expect([fips, dualStack]).toEqual(expected)
})

test.each([
  ['localhost', true],
  ['127.0.0.1', true],
  ['127.255.0.3', true],
  ['[::1]', true],
  ['localhost.', false],
  ['127.0.0.1.example', false],
  ['128.0.0.1', false],
  ['[::ffff:7f00:1]', false],
])('%s is this machine: %s', (hostname, expected) => {
  expect(isLoopback(hostname)).toBe(expected)
})
