/**
 * How long a signed URL is good for, by what it says of itself.
 *
 * @param at by the clock of whoever signed it, in milliseconds since the epoch
 * @returns milliseconds, 0 or less if it has ended; `undefined` if it does not say
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
 * @see https://cloud.google.com/storage/docs/authentication/signatures
 * @see https://learn.microsoft.com/rest/api/storageservices/create-service-sas
 * @see https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-signed-urls.html
 */
export function remainingLifeMs(url: URL, at: number): number | undefined {
  const ends = FORMS.map((form) => form(url.searchParams)).filter((end) => end !== undefined)
  // Where two forms are mixed, the earlier end is the one that is safe to believe.
  return ends.length === 0 ? undefined : Math.min(...ends) - at
}

/** Whether a URL bears a signature of whatever kind: what bears none needs no keeping. */
export function isSigned({ search }: URL): boolean {
  return search.length > 1
}

type Form = (query: URLSearchParams) => number | undefined

/** `X-Amz-Date` and `X-Amz-Expires`, of S3 and all that speak like it; Google's are called `X-Goog-`. */
const dated =
  (vendor: string): Form =>
  (query) => {
    const from = basicDate(query.get(`X-${vendor}-Date`))
    const seconds = number(query.get(`X-${vendor}-Expires`))
    return from === undefined || seconds === undefined ? undefined : from + seconds * 1_000
  }

/** `se`, an ISO 8601 date, of Azure's shared access signatures. */
const azure: Form = (query) => {
  const text = query.get('sig') === null ? null : query.get('se')
  const end = text === null ? Number.NaN : Date.parse(text)
  return Number.isNaN(end) ? undefined : end
}

/** `Expires`, seconds since the epoch, of CloudFront and of the older signatures of S3 and Google. */
const expires: Form = (query) => {
  const seconds = query.get('Signature') === null ? undefined : number(query.get('Expires'))
  return seconds === undefined ? undefined : seconds * 1_000
}

/** `Policy`, JSON in base64 with three characters exchanged, of CloudFront. */
const policy: Form = (query) => {
  const text = query.get('Policy')
  if (text === null || text.length > MAX_POLICY_LENGTH) return undefined
  const base64 = text.replace(/[-_~]/g, (each) => (each === '-' ? '+' : each === '_' ? '=' : '/'))
  const json = Buffer.from(base64, 'base64').toString('latin1')
  // Of several conditions the earliest ends it.
  const ends = [...json.matchAll(LESS_THAN)].map(([, seconds]) => Number(seconds) * 1_000)
  return ends.length === 0 ? undefined : Math.min(...ends)
}

const LESS_THAN = /"DateLessThan"\s*:\s*{\s*"AWS:EpochTime"\s*:\s*([0-9]{1,12})\s*}/g
/** A policy names one resource and a date. */
const MAX_POLICY_LENGTH = 8 * 1024

const FORMS: readonly Form[] = [dated('Amz'), dated('Goog'), azure, expires, policy]

/** `20261121T080000Z` */
function basicDate(text: string | null): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text ?? '')
  if (match === null) return undefined
  const [, year, month, day, hour, minute, second] = match.map(Number)
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second)
}

function number(text: string | null): number | undefined {
  return text !== null && /^[0-9]{1,12}$/.test(text) ? Number(text) : undefined
}
