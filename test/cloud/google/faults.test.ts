import { describe, expect, test } from 'vitest'
import { describeError, hintOf } from '../../../src/model/errors.ts'
import { failureOf } from '../../registries/ecr/amazon.ts'
import {
  AUDIENCE,
  FILES,
  impersonated,
  JWT_TYPE,
  machine,
  PROOF,
  type Setup,
  USER,
} from './machine.ts'
import { BY_JANE, CI, expectSilence, JANE, POD, say, WHAT } from './told.ts'

const { serviceAccount, user, external } = FILES
const POOL = { audience: AUDIENCE, subjectTokenType: JWT_TYPE, proof: PROOF, principal: 'pod' }
const WITH_PROOF = { files: { proof: PROOF } }

interface Refused {
  readonly name: string
  readonly file: object
  readonly setup?: Setup
  /** What the first service says in place of its own answer. */
  readonly says?: readonly [status: number, body: unknown]
  readonly message: string
  readonly hint: string
}

const oauth = (error: string, more = {}) => ({
  error,
  error_description: `you sent ${PROOF}`,
  ...more,
})
const api = (code: number, status: string) => ({
  error: { code, status, message: `you sent ${PROOF}` },
})

const REFUSALS: readonly Refused[] = [
  {
    name: 'a service account that is gone',
    file: { ...serviceAccount, client_email: 'gone@acme.iam.gserviceaccount.com' },
    message: `${WHAT}service account gone@acme.iam.gserviceaccount.com: invalid_grant, status 400`,
    hint: 'its key is deleted or disabled',
  },
  {
    name: 'an account whose address is not one',
    file: { ...serviceAccount, client_email: 'a\nb' },
    message: `${WHAT}service account "a\\nb": invalid_grant, status 400`,
    hint: 'its key is deleted or disabled',
  },
  {
    name: 'a login that was revoked',
    file: { ...user, refresh_token: '1//0other' },
    message: `${JANE}: invalid_grant, status 400`,
    hint: 'run gcloud auth application-default login',
  },
  {
    name: 'a login of a session that has ended',
    file: user,
    says: [400, oauth('invalid_grant', { error_subtype: 'invalid_rapt' })],
    message: `${JANE}: invalid_grant, invalid_rapt, status 400`,
    hint: 'run gcloud auth login',
  },
  {
    name: 'a login of a client that is gone',
    file: { ...user, client_secret: 'other' },
    message: `${JANE}: invalid_client, status 401`,
    hint: 'log in again',
  },
  {
    name: 'an account that somebody else must not stand in for',
    file: impersonated(user),
    message: `${BY_JANE}: PERMISSION_DENIED, status 403`,
    hint: 'roles/iam.serviceAccountTokenCreator',
  },
  {
    name: 'a chain of delegates with a link missing',
    file: impersonated(user, ['first@acme']),
    setup: { mayImpersonate: [`${USER.email} -> first@acme`] },
    message: `${BY_JANE}: PERMISSION_DENIED, status 403`,
    hint: 'roles/iam.serviceAccountTokenCreator',
  },
  {
    name: 'an account that stands in, and is gone itself',
    file: impersonated({ ...user, refresh_token: '1//0other' }),
    message: `${BY_JANE}: invalid_grant, status 400`,
    hint: 'the login is revoked',
  },
  {
    name: 'a pool that is gone',
    file: external,
    setup: WITH_PROOF,
    message: `${POD}: invalid_target, status 400`,
    hint: 'the pool or its provider is gone',
  },
  {
    name: 'a proof that is not taken',
    file: external,
    setup: { files: { proof: 'another' }, pools: [POOL] },
    message: `${POD}: invalid_grant, status 400`,
    hint: "the provider's issuer, audience and condition",
  },
  {
    name: 'what only Google knows',
    file: user,
    says: [418, api(418, 'SOMETHING_NEW')],
    message: `${JANE}: SOMETHING_NEW, status 418`,
    hint: '',
  },
  {
    name: 'a refusal that is a text',
    file: user,
    says: [403, `no: ${PROOF}`],
    message: `${JANE}: status 403`,
    hint: '',
  },
  {
    name: 'a refusal whose code quotes',
    file: user,
    says: [400, oauth(`bad ${PROOF}`)],
    message: `${JANE}: status 400`,
    hint: '',
  },
  {
    name: 'an answer that is no token',
    file: user,
    says: [200, { token: PROOF }],
    message: `${JANE}: the answer is no token`,
    hint: 'see who answers',
  },
  {
    name: 'an answer that is no JSON',
    file: serviceAccount,
    says: [200, `<html>${PROOF}`],
    message: `${CI}: the answer is no token`,
    hint: 'see who answers',
  },
  {
    name: 'a token that lives for ever',
    file: user,
    says: [200, { access_token: 'ya29.x', expires_in: 1e12 }],
    message: `${JANE}: the answer is no token`,
    hint: 'see who answers',
  },
]

describe('what Google refuses is told in one line', () => {
  test.each(REFUSALS)('$name', async ({ file, setup, says, message, hint }) => {
    const at = await machine(setup)
    if (says !== undefined) at.google.misbehave((_, res) => say(res, ...says))
    const error = await failureOf(at.exchange(file))
    expect(error).toMatchObject({ code: 'exchange-failed' })
    expect(describeError(error)).toBe(message)
    expect(hintOf(error) ?? '').toContain(hint)
    expectSilence(error)
  })
})

describe('a proof that cannot be read', () => {
  const source = (credential_source: object) => ({ ...external, credential_source })
  test.each<[string, object, Setup, string]>([
    ['is in no file', external, {}, ': cannot read "HOME/proof": ENOENT'],
    [
      'is a folder',
      source({ file: 'HOME/folder' }),
      { files: { 'folder/x': '' } },
      ': cannot read "HOME/folder": it is not a file',
    ],
    [
      'is too long',
      external,
      { files: { proof: 'x'.repeat(64 * 1024 + 1) } },
      ': cannot read "HOME/proof": it has more than 64 KiB',
    ],
    ['is empty', external, { files: { proof: '\n' } }, ': there is nothing in file "HOME/proof"'],
    [
      'is not in the property',
      source({ file: 'HOME/proof', format: { type: 'json', subject_token_field_name: 'token' } }),
      { files: { proof: `{"other":"${PROOF}"}` } },
      ': there is no "token" in file "HOME/proof"',
    ],
    [
      'is in a property of something else',
      source({ file: 'HOME/proof', format: { type: 'json', subject_token_field_name: 'token' } }),
      WITH_PROOF,
      ': there is no "token" in file "HOME/proof"',
    ],
  ])('because it %s', async (_name, file, setup, message) => {
    const at = await machine({ ...setup, pools: [POOL] })
    const error = await failureOf(at.exchange(file))
    expect(error).toMatchObject({ code: 'exchange-failed' })
    expect(describeError(error)).toBe(POD + message.replaceAll('HOME', at.home))
    expect(hintOf(error)).toContain('credential_source')
    expect(at.google.calls).toEqual([])
    expectSilence(error)
  })

  test('because nobody is there to give it', async () => {
    const at = await machine({ pools: [POOL] })
    const error = await failureOf(at.exchange(source({ url: 'http://127.0.0.1:1/token' })))
    expect(error).toMatchObject({ code: 'network' })
    const what = 'asking "http://127.0.0.1:1" for the proof'
    expect(describeError(error)).toBe(`${POD}: ${what}: connect ECONNREFUSED 127.0.0.1:1`)
  })

  test('because an AWS identity is asked for, and the machine has none', async () => {
    const env = { AWS_EC2_METADATA_DISABLED: 'true' }
    const at = await machine({ pools: [POOL], env })
    const error = await failureOf(at.exchange(source({ environment_id: 'aws1' })))
    expect(describeError(error)).toBe(`${POD}: this machine has no AWS identity to show to Google`)
  })
})
