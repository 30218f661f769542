import { PurserError } from '../../model/errors.ts'

/** Amazon's names of the services that are asked, as the SDK's settings spell them. */
export type AwsService = 'ECR' | 'ECR PUBLIC' | 'STS' | 'SSO' | 'SSO OIDC'

/** Variables, as a process has them. */
export type Env = Readonly<Record<string, string | undefined>>

/** The sections of Amazon's configuration files, by name. */
export type Sections = Readonly<Record<string, Readonly<Record<string, string | undefined>>>>

/** A profile of the files, and the files that it may refer to. */
export interface ProfileSettings {
  readonly name: string
  readonly sections: Sections
}

/** Where Amazon's services are asked, and over which kind of endpoint. */
export interface Endpoints {
  /**
   * The address that the operator has set for a service.
   *
   * @returns `undefined` if it is where Amazon says
   * @throws `policy` if it is neither https nor this machine; `config-invalid` if it is no URL
   */
  of(service: AwsService): URL | undefined
  readonly fips: boolean
  readonly dualStack: boolean
}

/**
 * Reads the settings by which users of Amazon's SDKs say where its services are. They are read here
 * and told to each client, because the SDK itself reads those of the profile `AWS_PROFILE` alone, and
 * would send the signature and the session's token anywhere.
 *
 * @param profile - `undefined` for an identity that is not of the files: they are not looked at
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
 */
export function readEndpoints(env: Env, profile: ProfileSettings | undefined): Endpoints {
  const section = sectionOf(profile, profile?.name)
  const flag = (variable: string, key: string) =>
    (env[variable] || section[key])?.toLowerCase() === 'true'
  const ignored = flag('AWS_IGNORE_CONFIGURED_ENDPOINT_URLS', 'ignore_configured_endpoint_urls')
  return {
    fips: flag('AWS_USE_FIPS_ENDPOINT', 'use_fips_endpoint'),
    dualStack: flag('AWS_USE_DUALSTACK_ENDPOINT', 'use_dualstack_endpoint'),
    of(service) {
      if (ignored) return undefined
      const words = service.replaceAll(' ', '_')
      const services = sectionOf(profile, `services.${section['services']}`)
      const where = profile && `profile ${profile.name}`
      const candidates: readonly (readonly [string, string | undefined])[] = [
        [`AWS_ENDPOINT_URL_${words}`, env[`AWS_ENDPOINT_URL_${words}`]],
        ['AWS_ENDPOINT_URL', env['AWS_ENDPOINT_URL']],
        [`the services of ${where}`, services[`${words.toLowerCase()}.endpoint_url`]],
        [`endpoint_url of ${where}`, section['endpoint_url']],
      ]
      const [name = '', text] = candidates.find(([, value]) => value) ?? []
      return text ? parseEndpoint(name, text) : undefined
    },
  }
}

function sectionOf(profile: ProfileSettings | undefined, name = ''): Sections[string] {
  const { sections = {} } = profile ?? {}
  return (Object.hasOwn(sections, name) ? sections[name] : undefined) ?? {}
}

/** It is named by its setting: its text may hold a password. */
function parseEndpoint(name: string, text: string): URL {
  const url = URL.parse(text)
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new PurserError('config-invalid', `${name} is not a URL`, {
      hint: 'write it as https://host[:port]',
    })
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw new PurserError('policy', `${name} is neither https nor on this machine`, {
      hint: 'what is sent there is signed, and may hold the token of a session: use https',
    })
  }
  return url
}

/** Whether a URL's hostname is this machine's own. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname)
}
