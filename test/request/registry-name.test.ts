import { describe, expect, test } from 'vitest'
import { createSecretName, parseRegistry } from '../../src/request/registry-name.ts'

describe('the registry of', () => {
  test.each([
    ['a Docker Hub official image', 'ubuntu:20.04', 'docker.io'],
    ['a Docker Hub user’s image', 'username/image:tag', 'docker.io'],
    ['an explicit docker.io', 'docker.io/library/ubuntu:20.04', 'docker.io'],
    ['an alias of Docker Hub', 'index.docker.io/library/ubuntu', 'docker.io'],
    ['another alias of Docker Hub', 'registry-1.docker.io/library/ubuntu', 'docker.io'],
    ['an image of Google’s', 'gcr.io/project/image:tag', 'gcr.io'],
    ['a registry with a port', 'registry.example.com:5000/image:tag', 'registry.example.com:5000'],
    ['a registry of this machine', 'localhost:5000/image:tag', 'localhost:5000'],
    ['a registry of this machine without a port', 'localhost/image', 'localhost'],
    [
      'an image of Amazon’s',
      '123456789012.dkr.ecr.us-east-1.amazonaws.com/my-image:latest',
      '123456789012.dkr.ecr.us-east-1.amazonaws.com',
    ],
    ['a name with a transport', 'docker://ubuntu:20.04', 'docker.io'],
    ['a name with a transport and a host', 'docker://ghcr.io/acme/app', 'ghcr.io'],
    ['an OCI name', 'oci://ghcr.io/acme/app', 'ghcr.io'],
    ['a host in capitals', 'GHCR.IO/acme/app', 'ghcr.io'],
    ['the port that is the default', 'ghcr.io:443/acme/app', 'ghcr.io'],
    ['a digest where a tag should be', 'ghcr.io/acme/app:sha256:0123', 'ghcr.io'],
    ['a name that begins with what is no host', 'acme.example_/app', undefined],
    ['a look-alike with a user', 'ghcr.io@evil.example/app', undefined],
    ['nothing', '', undefined],
    ['white space', ' \n', undefined],
    ['a transport alone', 'docker://', undefined],
  ])('%s', (_, reference, expected) => {
    if (expected !== undefined) return expect(parseRegistry(reference)).toBe(expected)
    expect(() => parseRegistry(reference)).toThrow(/cannot read/)
  })
})

describe('the name of the secret of', () => {
  test.each([
    ['docker.io', 'oci-registry-docker-io'],
    ['index.docker.io', 'oci-registry-docker-io'],
    ['registry.example.com:5000', 'oci-registry-registry-example-com-5000'],
    ['gcr.io', 'oci-registry-gcr-io'],
    ['GHCR.io/Acme', 'oci-registry-ghcr-io-acme'],
    [
      '123456789012.dkr.ecr.us-east-1.amazonaws.com',
      'oci-registry-123456789012-dkr-ecr-us-east-1-amazonaws-com',
    ],
  ])('%s', (registry, name) => {
    expect(createSecretName(registry)).toBe(name)
  })

  test('a host that is none is refused', () => {
    expect(() => createSecretName('not a host')).toThrow(
      'cannot read "not a host" as a registry host',
    )
  })
})
