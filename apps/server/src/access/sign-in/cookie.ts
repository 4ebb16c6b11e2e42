// SPDX-License-Identifier: Apache-2.0

/**
 * Both only ever travel over TLS, or to this very machine, to no other host, and not from other sites' writes
 * (draft-ietf-httpbis-rfc6265bis, 4.1.3.2: `__Host-`).
 */
export const sessionCookie = '__Host-sealwatch'
/** Names the browser that began a log-in. */
export const loginCookie = '__Host-sealwatch-login'
export type CookieName = typeof sessionCookie | typeof loginCookie

/** What both cookies and links carry: 32 random bytes in base64url. */
export const secretForm = /^[A-Za-z0-9_-]{43}$/

const headerCharsMax = 8_192

/** The value of one of our cookies; undefined where there is none, two, or one that we did not make. */
export function readCookie(header: string | undefined, name: CookieName): string | undefined {
  if (header === undefined || header.length > headerCharsMax) return undefined
  const values = header
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1))
  const [value] = values
  return values.length === 1 && value !== undefined && secretForm.test(value) ? value : undefined
}

/** For Set-Cookie. Without `maxSeconds` it goes when the browser is closed. */
export function writeCookie(name: CookieName, value: string, maxSeconds?: number): string {
  const age = maxSeconds === undefined ? '' : `; Max-Age=${maxSeconds}`
  return `${name}=${value}; Path=/; Secure; HttpOnly; SameSite=Lax${age}`
}

export const clearCookie = (name: CookieName): string => writeCookie(name, '', 0)
