/**
 * Whether the body of a 400 or 403 is about the login's age and not about the request: Amazon's
 * registries say so, and only so, that their twelve hours are over.
 */
export function saysExpired(body: string): boolean {
  return /authorization token has expired/i.test(body)
}

/**
 * The same, or that a token is no good, which is what Amazon's public registry says of one that has
 * ended.
 *
 * @see https://github.com/aws/containers-roadmap/issues/2835
 */
export function saysRefused(body: string): boolean {
  return saysExpired(body) || /authorization token is invalid/i.test(body)
}
