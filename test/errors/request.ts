import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { parseCredentials } from '../../src/request/credentials.ts'
import { loadRequest } from '../../src/request/load.ts'
import { parseRegistry } from '../../src/request/registry-name.ts'
import { checkCredentials, parseRequest } from '../../src/request/request.ts'
import { askRequest, ECR, named } from '../sources/harness.ts'
import type { Provocation, Provocations } from './stage.ts'

/** A request with this credential, asked for a host. */
const image =
  (image_credentials: string, host = 'ghcr.io'): Provocation =>
  () =>
    askRequest({ image_credentials, source_image: 'ghcr.io/acme/base' }, host)

/** What container requests, and the credentials in them, are refused with. */
export const REQUEST: Provocations = {
  'a field stands there twice': () =>
    parseRequest('{"image_credentials":"u:p","image_credentials":"u:S3CRET"}'),
  'two spellings of a field differ': () =>
    parseRequest('{"image_credentials":"u:p","imageCredentials":"u:S3CRET"}'),
  'a credential has a NUL': image('u:S3CRET\0'),
  'a value of no request has a NUL': () => parseCredentials('u:S3CRET\0', '--json'),
  'a key stands there twice': image('{"USERNAME":"u","USERNAME":"S3CRET"}'),
  'a pair is there in two cases': image('{"username":"u","password":"S3CRET","USERNAME":"v"}'),
  'a login of docker’s is none': image('{"auth":"S3CRET"}'),
  'a registry is none, and nobody asks': () =>
    checkCredentials(JSON.stringify({ image_credentials: named('S3CRET@quay.io') }), []),
  'its keys are nobody’s': image('{"SOMETHING":"S3CRET"}'),
  'an image has no name': () => parseRegistry('docker://'),
  'it cannot be standard input': () => loadRequest('-', {}),
  'it is not UTF-8': ({ put }) => loadRequest(put('r.json', Buffer.of(0x7b, 0xff, 0x7d)), {}),
  'its file is not there': ({ root }) => loadRequest(join(root, 'r.json'), {}),
  'its file is a directory': ({ root }) => {
    mkdirSync(join(root, 'r'))
    return loadRequest(join(root, 'r'), {})
  },
  'its file is too long': ({ put }) => loadRequest(put('r.json', ' '.repeat(1024 * 1024 + 1)), {}),
  'it is too long': () =>
    loadRequest('-', { stdin: () => Readable.from([Buffer.alloc(1024 * 1024 + 1, ' ')]) }),
  'its text is too long': () => parseRequest(`{${' '.repeat(1024 * 1024)}}`),
  'it is not JSON': () => parseRequest('{"image_credentials":'),
  'it is a list': () => parseRequest('[]'),
  'a part of it is a text': () => parseRequest('{"build_options":"x"}'),
  'a field is a number': () => parseRequest('{"image_credentials":7}'),
  'a credential is neither': image('just-a-token'),
  'a credential is broken JSON': image('{"USERNAME":"S3CRET'),
  'a credential is in a list': image('{"credentials":["S3CRET"]}'),
  'a registry is a number': image('{"registry":7,"credentials":{"USERNAME":"u"}}'),
  'a registry is none': image(named('S3CRET@quay.io')),
  'a password is a number': image('{"USERNAME":"u","PASSWORD":7}'),
  'a source image is none': () =>
    askRequest({ source_image: 'u:S3CRET@ghcr.io/x', source_image_creds: 'u:p' }, 'ghcr.io'),
  'it would borrow an identity': image(
    named('acmeimages.azurecr.io', { AZURE_CLIENT_ID: '00000000-0000-0000-0000-000000000001' }),
    'acmeimages.azurecr.io',
  ),
  'its keys are not whole': image(named(ECR, { AWS_ACCESS_KEY_ID: 'a', AWS_REGION: 'r' }), ECR),
}
