import type { Asked, Role, Session } from './state.ts'

/**
 * STS's query protocol: a form, answered with XML.
 *
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
export function handleSts(asked: Asked): void {
  const { res, body, state } = asked
  const form = new URLSearchParams(body)
  const action = form.get('Action')
  const arn = form.get('RoleArn') ?? ''
  const name = form.get('RoleSessionName') ?? ''
  if (state.note(`STS ${action} ${arn} as ${name}`, res)) return
  const role = state.roles?.find((each) => each.arn === arn)
  const fault = action === 'AssumeRole' ? refusal(asked, form, role) : webRefusal(form, role)
  if (fault !== undefined || role === undefined) {
    sendXml(res, ...(fault ?? [403, 'AccessDenied']))
    return
  }
  const session = state.issue(arn.replace(/^.*\//, ''))
  res.writeHead(200, { 'Content-Type': 'text/xml' }).end(`<${action}Response
    xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result>
    <AssumedRoleUser><AssumedRoleId>AROA:${name}</AssumedRoleId><Arn>${arn}</Arn></AssumedRoleUser>
    ${credentials(session)}</${action}Result></${action}Response>`)
}

type Refusal = readonly [status: number, code: string]

function refusal(asked: Asked, form: URLSearchParams, role: Role | undefined): Refusal | undefined {
  const checked = asked.state.check(asked, 'sts')
  if ('fault' in checked) {
    // STS has names of its own for what is wrong with a signature.
    const isUnknown = checked.fault === 'UnrecognizedClientException'
    return [403, isUnknown ? 'InvalidClientTokenId' : 'SignatureDoesNotMatch']
  }
  const isTrusted = checked.signer.accessKeyId.startsWith(role?.trusts ?? '')
  const isNamed = form.get('ExternalId') === (role?.externalId ?? null)
  return isTrusted && isNamed ? undefined : [403, 'AccessDenied']
}

function webRefusal(form: URLSearchParams, role: Role | undefined): Refusal | undefined {
  const isKnown = role?.webToken !== undefined && role.webToken === form.get('WebIdentityToken')
  return isKnown ? undefined : [400, 'InvalidIdentityToken']
}

function sendXml(res: Asked['res'], status: number, code: string): void {
  res.writeHead(status, { 'Content-Type': 'text/xml' }).end(`<ErrorResponse
    xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
    <Code>${code}</Code><Message>you sent ${JSON.stringify(res.req.headers).replace(/[<>&]/g, '')}
    </Message></Error><RequestId>1</RequestId></ErrorResponse>`)
}

function credentials({ accessKeyId, secretAccessKey, sessionToken, expiresAt }: Session): string {
  return `<Credentials><AccessKeyId>${accessKeyId}</AccessKeyId>
    <SecretAccessKey>${secretAccessKey}</SecretAccessKey>
    <SessionToken>${sessionToken}</SessionToken>
    <Expiration>${expiresAt.toISOString()}</Expiration></Credentials>`
}
