import { describe, expect, test } from 'vitest'
import { codeOf, describeError, hintOf } from '../../src/model/errors.ts'
import { parseHost } from '../../src/model/host.ts'
import { approveRealm } from '../../src/token/realm.ts'
import { failure } from './harness.ts'

interface Options {
  readonly tls?: boolean
  readonly realms?: readonly string[]
}

const upstream = (host: string, { tls = true, realms = [] }: Options = {}) => ({
  host: parseHost(host),
  tls,
  realms,
})

describe('goes to', () => {
  test.each<[string, string, boolean, Options?]>([
    ['ghcr.io', 'https://ghcr.io/token', true],
    ['ghcr.io', 'https://ghcr.io:443/token', true],
    ['ghcr.io', 'HTTPS://GHCR.IO/token', true],
    ['quay.io', 'https://quay.io/v2/auth', true],
    ['public.ecr.aws', 'https://public.ecr.aws/token/', true],
    ['docker.io', 'https://auth.docker.io/token', false],
    ['index.docker.io', 'https://auth.docker.io/token', false],
    ['registry.gitlab.com', 'https://gitlab.com/jwt/auth', false],
    ['nvcr.io', 'https://nvcr.io/proxy_auth', true],
    ['nvcr.io', 'https://authn.nvidia.com/token?service=ngc&scope=group', false],
    ['registry.digitalocean.com', 'https://api.digitalocean.com/v2/registry/auth', false],
    ['rg.fr-par.scw.cloud', 'https://api.scaleway.com/registry-internal/v1/tokens', false],
    ['registry.aliyuncs.com', 'https://dockerauth.aliyuncs.com/auth', false],
    ['registry.cn-hangzhou.aliyuncs.com', 'https://dockerauth.cn-hangzhou.aliyuncs.com/a', false],
    ['registry-vpc.eu-central-1.aliyuncs.com', 'https://dockerauth.aliyuncs.com/auth', false],
    ['crpi-x1.cn-hangzhou.personal.cr.aliyuncs.com', 'https://dockerauth.aliyuncs.com/a', false],
    ['acme-registry.cn-beijing.cr.aliyuncs.com', 'https://dockerauth.aliyuncs.com/auth', false],
    ['registry.corp.example', 'https://gitlab.corp.example/jwt/auth', false],
    ['registry.gitlab.corp.example:5050', 'https://corp.example/jwt/auth', false],
    ['corp.co.uk', 'https://auth.corp.co.uk/token', false],
    ['registry.gitlab.corp', 'https://gitlab.corp/jwt/auth', false],
    ['reg.example:5000', 'https://reg.example:5000/auth', true],
    ['reg.example:5000', 'https://reg.example:5001/auth', false],
    ['reg.example:5000', 'https://reg.example/auth', false],
    ['[::1]:5000', 'https://[::1]:5000/auth', true],
    ['127.0.0.1:5000', 'http://127.0.0.1:5000/token', true, { tls: false }],
    ['reg.example', 'http://reg.example/token', true, { tls: false }],
    ['reg.example', 'https://reg.example/token', false, { tls: false }],
    ['reg.example', 'https://sso.example/token', true, { realms: ['https://sso.example'] }],
    ['reg.example', 'http://10.0.0.1:8080/token', true, { realms: ['http://10.0.0.1:8080'] }],
  ])('%s: %s', async (host, realm, allowPrivate, options) => {
    const approved = await approveRealm(upstream(host, options), realm)
    expect(approved).toMatchObject({ url: new URL(realm), allowPrivate })
  })
})

test('goes to a path of the registry itself', async () => {
  const approved = await approveRealm(upstream('reg.example:5000'), '/auth/token?x=1')
  expect(approved).toEqual({
    url: new URL('https://reg.example:5000/auth/token?x=1'),
    allowPrivate: true,
    isKnown: true,
  })
})

test.each([
  ['docker.io', 'https://auth.docker.io/token', true],
  ['reg.example:5000', 'https://reg.example:5001/auth', true],
  ['registry.corp.example', 'https://gitlab.corp.example/jwt/auth', false],
])('whether %s could choose the name of %s', async (host, realm, isKnown) => {
  expect(await approveRealm(upstream(host), realm)).toMatchObject({ isKnown })
})

const NOT_A_URL = 'it is not a plain http or https URL'
const NOT_HTTPS = 'it is not https'
const UNKNOWN = 'it is not known to be its token service'

describe('does not go to', () => {
  test.each<[string, string, string, Options?]>([
    ['ghcr.io', 'https://evil.example/token', UNKNOWN],
    ['ghcr.io', '//evil.example/token', NOT_A_URL],
    ['ghcr.io', '/\\evil.example/token', NOT_A_URL],
    ['ghcr.io', 'https://ghcr.io.evil.example/token', UNKNOWN],
    ['ghcr.io', 'https://evilghcr.io/token', UNKNOWN],
    ['a.github.io', 'https://b.github.io/token', UNKNOWN],
    ['a.github.io', 'https://github.io/token', UNKNOWN],
    ['corp.co.uk', 'https://evil.co.uk/token', UNKNOWN],
    ['reg.corp', 'https://evil.corp/token', UNKNOWN],
    ['reg.corp.example', 'https://auth.corp.example/token', UNKNOWN, { tls: false }],
    ['10.0.0.1:5000', 'https://10.0.0.2/token', UNKNOWN],
    ['evildocker.io', 'https://auth.docker.io/token', UNKNOWN],
    ['docker.io.evil.example', 'https://auth.docker.io/token', UNKNOWN],
    ['docker.io', 'https://auth.docker.io.evil.example/token', UNKNOWN],
    ['docker.io', 'https://evil-auth.docker.io/token', UNKNOWN],
    ['docker.io', 'https://auth.docker.io:8443/token', UNKNOWN],
    ['nvcr.io', 'https://authnXnvidia.com/token', UNKNOWN],
    ['nvcr.io', 'https://auth.docker.io/token', UNKNOWN],
    ['layers.nvcr.io', 'https://authn.nvidia.com/token', UNKNOWN],
    ['registry.gitlab.example', 'https://gitlab.com/jwt/auth', UNKNOWN],
    ['registry.digitalocean.com', 'https://api.digitaloceanspaces.com/x', UNKNOWN],
    ['rg.fr-par.scw.cloud.evil.example', 'https://api.scaleway.com/x', UNKNOWN],
    ['evil.s3.fr-par.scw.cloud', 'https://api.scaleway.com/x', UNKNOWN],
    ['rg.fr-par.scw.cloud', 'https://evil.s3.fr-par.scw.cloud/x', UNKNOWN],
    ['registry.aliyuncs.com', 'https://dockerauth.oss-cn-hangzhou.aliyuncs.com/auth', UNKNOWN],
    ['registry.aliyuncs.com', 'https://dockerauth.evil.aliyuncs.com/auth', UNKNOWN],
    ['registry.aliyuncs.com', 'https://evil.oss-cn-hangzhou.aliyuncs.com/auth', UNKNOWN],
    ['registry.aliyuncs.com', 'https://dockerauth.aliyuncs.com.evil.example/auth', UNKNOWN],
    ['ghcr.io', 'https://xn--ghcr-7na.io/token', UNKNOWN],
    ['ghcr.io', 'https://169.254.169.254/latest/meta-data', UNKNOWN],
    ['ghcr.io', 'https://127.0.0.1/token', UNKNOWN],
    ['ghcr.io', 'https://2130706433/token', UNKNOWN],
    ['ghcr.io', 'https://[::ffff:169.254.169.254]/token', UNKNOWN],
    ['ghcr.io', 'https://localhost/token', UNKNOWN],
    ['ghcr.io', 'https://auth.docker.io/token', UNKNOWN],
    ['registry.gitlab.com', 'https://authn.nvidia.com/token', UNKNOWN],
    ['gitlab.com', 'https://auth.docker.io/token', UNKNOWN],
    ['docker.io', 'https://auth.docker.io:8443/token', UNKNOWN],
    ['docker.io', 'https://auth.docker.io.evil.example/token', UNKNOWN],
    ['docker.io', 'http://auth.docker.io/token', NOT_HTTPS],
    ['ghcr.io', 'http://ghcr.io/token', NOT_HTTPS],
    ['ghcr.io', 'http://ghcr.io:443/token', NOT_HTTPS],
    ['ghcr.io', 'http://169.254.169.254/', NOT_HTTPS],
    ['reg.example:5000', 'http://reg.example:5001/', NOT_HTTPS, { tls: false }],
    ['reg.example', 'http://other.example/', NOT_HTTPS, { tls: false }],
    ['reg.example', 'https://sso.example:8443/', UNKNOWN, { realms: ['https://sso.example'] }],
    ['reg.example', 'http://sso.example/', NOT_HTTPS, { realms: ['https://sso.example'] }],
    ['reg.example', 'https://sso.example.evil/', UNKNOWN, { realms: ['https://sso.example'] }],
    ['ghcr.io', 'https://user:pass@ghcr.io/token', NOT_A_URL],
    ['ghcr.io', 'https://ghcr.io@evil.example/token', NOT_A_URL],
    ['ghcr.io', 'https://@ghcr.io/token', NOT_A_URL],
    ['ghcr.io', 'https://ghcr.io/token#fragment', NOT_A_URL],
    ['ghcr.io', 'https://ghcr.io/token#', NOT_A_URL],
    ['ghcr.io', 'https://evil.example\\@ghcr.io/token', NOT_A_URL],
    ['ghcr.io', 'https:\\\\ghcr.io\\token', NOT_A_URL],
    ['ghcr.io', 'https:ghcr.io/token', NOT_A_URL],
    ['ghcr.io', 'https:///ghcr.io/token', NOT_A_URL],
    ['ghcr.io', ' https://ghcr.io/token', NOT_A_URL],
    ['ghcr.io', 'https://ghcr.io/to ken', NOT_A_URL],
    ['ghcr.io', 'https://ghcr.io/\r\nHost: evil', NOT_A_URL],
    ['ghcr.io', 'https://gh\tcr.io/token', NOT_A_URL],
    ['ghcr.io', 'https://ghcr。io/token', NOT_A_URL],
    ['ghcr.io', 'file:///etc/passwd', NOT_A_URL],
    ['ghcr.io', 'javascript:alert(1)', NOT_A_URL],
    ['ghcr.io', 'unix:///run/docker.sock', NOT_A_URL],
    ['ghcr.io', '//ghcr.io/token', NOT_A_URL],
    ['ghcr.io', 'token', NOT_A_URL],
    ['ghcr.io', '', NOT_A_URL],
    ['ghcr.io', `https://ghcr.io/${'a'.repeat(2_048)}`, NOT_A_URL],
  ])('from %s: %s', async (host, realm, why, options) => {
    const error = await failure(approveRealm(upstream(host, options), realm))
    expect(codeOf(error)).toBe('policy')
    const message = describeError(error)
    expect(message).toMatch(new RegExp(`^refused to send a credential of .* to ".*": ${why}$`))
    expect(message).toContain(parseHost(host).name)
  })

  test('says what would allow it', async () => {
    const asked = approveRealm(upstream('reg.example:5000'), 'https://sso.example/token?a=b')
    expect(hintOf(await failure(asked))).toBe(
      'if it is reg.example:5000\'s token service, add to its [[upstream]]: realms = ["https://sso.example"]',
    )
  })
})
