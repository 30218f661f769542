import type { Asked, Instance } from './state.ts'

const TOKEN = 'AQAEAInstanceMetadataToken=='
const PATH = '/latest/meta-data/iam/security-credentials/'

/** @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html */
export function handleInstance({ req, res, url, state }: Asked): void {
  const { pathname } = url
  if (state.note(`IMDS ${req.method} ${pathname}`, res)) return
  const { role, tokens } = state.instance ?? {}
  if (req.method === 'PUT' && pathname === '/latest/api/token') {
    giveToken(req.headers['x-aws-ec2-metadata-token-ttl-seconds'], res, tokens)
  } else if (req.headers['x-aws-ec2-metadata-token'] !== TOKEN) {
    res.writeHead(401).end()
  } else if (role === undefined || !pathname.startsWith(PATH)) {
    res.writeHead(404).end()
  } else if (pathname === PATH) {
    res.end(role)
  } else {
    const { accessKeyId, secretAccessKey, sessionToken, expiresAt } = state.issue(role)
    res.end(
      JSON.stringify({
        Code: 'Success',
        Type: 'AWS-HMAC',
        AccessKeyId: accessKeyId,
        SecretAccessKey: secretAccessKey,
        Token: sessionToken,
        Expiration: expiresAt.toISOString(),
      }),
    )
  }
}

function giveToken(ttl: unknown, res: Asked['res'], tokens: Instance['tokens']): void {
  if (tokens === 'hop') return
  const seconds = Number(ttl)
  if (tokens === 'v1') res.writeHead(404).end()
  else if (tokens === 'broken' || !(seconds >= 1 && seconds <= 21_600)) res.writeHead(400).end()
  else res.writeHead(200, { 'x-aws-ec2-metadata-token-ttl-seconds': seconds }).end(TOKEN)
}
