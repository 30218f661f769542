import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { parseReference } from '../../src/model/reference.ts'

const SHA256 = `sha256:${'0123456789abcdef'.repeat(4)}`

/** `host repository tag digest`, with a dash for what is not there. */
function show(text: string): string {
  const { host, repository, tag = '-', digest = '-' } = parseReference(text)
  return `${host.name} ${repository} ${tag} ${digest}`
}

describe("an image's name", () => {
  it.each([
    ['ubuntu', 'docker.io library/ubuntu - -'],
    ['ubuntu:20.04', 'docker.io library/ubuntu 20.04 -'],
    ['username/image:tag', 'docker.io username/image tag -'],
    ['docker.io/library/ubuntu:20.04', 'docker.io library/ubuntu 20.04 -'],
    ['docker.io/ubuntu', 'docker.io library/ubuntu - -'],
    ['index.docker.io/ubuntu', 'docker.io library/ubuntu - -'],
    ['registry-1.docker.io/a/b', 'docker.io a/b - -'],
    ['docker://ubuntu:20.04', 'docker.io library/ubuntu 20.04 -'],
    ['docker://ghcr.io/acme/app', 'ghcr.io acme/app - -'],
    ['oci://ghcr.io/acme/chart:1.0.0', 'ghcr.io acme/chart 1.0.0 -'],
    ['gcr.io/project/image:tag', 'gcr.io project/image tag -'],
    ['GHCR.io/acme/app', 'ghcr.io acme/app - -'],
    ['ghcr.io/app', 'ghcr.io app - -'],
    ['ghcr.io:443/app', 'ghcr.io app - -'],
    ['registry.example.com:5000/image:tag', 'registry.example.com:5000 image tag -'],
    ['localhost:5000/image:tag', 'localhost:5000 image tag -'],
    ['localhost/image', 'localhost image - -'],
    ['127.0.0.1:5000/a/b/c/d', '127.0.0.1:5000 a/b/c/d - -'],
    ['[::1]:5000/image:tag', '[::1]:5000 image tag -'],
    [
      '123456789012.dkr.ecr.us-east-1.amazonaws.com/my-image:latest',
      '123456789012.dkr.ecr.us-east-1.amazonaws.com my-image latest -',
    ],
    [
      'us-docker.pkg.dev/my-project/my-repo/my-image:latest',
      'us-docker.pkg.dev my-project/my-repo/my-image latest -',
    ],
    ['gcr.io/example.com/project/app', 'gcr.io example.com/project/app - -'],
    [`ghcr.io/acme/app@${SHA256}`, `ghcr.io acme/app - ${SHA256}`],
    [`ghcr.io/acme/app:1.2@${SHA256}`, `ghcr.io acme/app 1.2 ${SHA256}`],
    [`ubuntu@${SHA256}`, `docker.io library/ubuntu - ${SHA256}`],
    ['a/b.c/d_e/f__g/h---i', 'docker.io a/b.c/d_e/f__g/h---i - -'],
    ['ghcr.io/app:_X.y-Z', 'ghcr.io app _X.y-Z -'],
    [`ghcr.io/app:${'t'.repeat(128)}`, `ghcr.io app ${'t'.repeat(128)} -`],
    [`ghcr.io/${'r'.repeat(255)}`, `ghcr.io ${'r'.repeat(255)} - -`],
  ])('%s is %s', (text, shown) => {
    expect(show(text)).toBe(shown)
  })

  it.each([
    '',
    '/',
    ':',
    '@',
    'docker://',
    '/ubuntu',
    'ubuntu/',
    'ghcr.io/',
    'ghcr.io//app',
    'ghcr.io/acme//app',
    'ghcr.io/Acme/app',
    'Ubuntu',
    'ghcr.io/acme/app:',
    'ghcr.io/acme/app:-x',
    `ghcr.io/app:${'t'.repeat(129)}`,
    'ghcr.io/app:a:b',
    'ghcr.io/app@',
    'ghcr.io/app@sha256',
    'ghcr.io/app@sha256:short',
    `ghcr.io/app@${SHA256}@${SHA256}`,
    `ghcr.io/app@SHA256:${'0'.repeat(64)}`,
    'https://ghcr.io/acme/app',
    'docker://docker://ubuntu',
    'user:pass@ghcr.io/acme/app',
    'ghcr.io@evil.example/app',
    'ghcr.io./app',
    'ghcr.io:x/app',
    'ghcr.io:99999/app',
    '.ghcr.io/app',
    'ghcr_x.io/app',
    'doc\u212aer.io/app',
    'ghcr.io/../app',
    'ghcr.io/./app',
    'ghcr.io/a/..',
    'ghcr.io/-a',
    'ghcr.io/a-',
    'ghcr.io/a___b',
    'ghcr.io/a._b',
    'ghcr.io/a b',
    'ghcr.io/a\n',
    ' ghcr.io/a',
    'ghcr.io/a%2fb',
    'ghcr.io/a\\b',
    'ghcr.io/a?b',
    'ghcr.io/a#b',
    'ghcr.io/\u00e4',
    `ghcr.io/${'r'.repeat(256)}`,
    `ghcr.io/${'a/'.repeat(600)}a`,
  ])('%j is none', (text) => {
    expect(() => parseReference(text)).toThrow(
      expect.objectContaining({
        code: 'reference-invalid',
        message: expect.stringMatching(/^cannot read ".*" as an image$/),
        hint: expect.stringContaining('host/repository:tag'),
      }),
    )
  })

  test('that is long and wrong is told at once', () => {
    for (const part of ['a-', '--', '__', 'a.', 'a_']) {
      expect(() => parseReference(`ghcr.io/${part.repeat(500)}!`)).toThrow('as an image')
      expect(() => parseReference(`ghcr.io/a${part.repeat(120)}!`)).toThrow('as an image')
    }
  })

  test('is read the same again when it is written out', () => {
    const component = fc.stringMatching(/^[a-z0-9]{1,8}([._-][a-z0-9]{1,8})?$/)
    const repository = fc
      .array(component, { minLength: 1, maxLength: 4 })
      .map((parts) => parts.join('/'))
    const host = fc.constantFrom('ghcr.io', 'localhost:5000', '[::1]:5000', 'a.example')
    const tag = fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,20}$/), {
      nil: undefined,
    })
    fc.assert(
      fc.property(host, repository, tag, fc.boolean(), (name, path, word, pinned) => {
        const digest = pinned ? SHA256 : undefined
        const text = `${name}/${path}${word ? `:${word}` : ''}${digest ? `@${digest}` : ''}`
        expect(parseReference(text)).toMatchObject({
          host: { name },
          repository: path,
          tag: word,
          digest,
        })
      }),
    )
  })
})
