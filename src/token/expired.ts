/**
 * Whether the body of a 400 or 403 is about the login's age and not about the request: Amazon's
 * registries say so, and only so, that their twelve hours are over.
 */
export function saysExpired(body: string): boolean {
  return /authorization token has expired/i.test(body)
}
