// SPDX-License-Identifier: Apache-2.0

import type { SignIn } from '../../access/index.ts'
import type { SessionReader } from './authenticate.ts'
import { httpError } from './problems.ts'

/** The session's own token, with whatever changes something. */
export const csrfHeader = 'sealwatch-csrf'
/** On what a page asks by itself, whatever it says: it can only shorten what counts as use of the session. */
export const backgroundHeader = 'sealwatch-background'

/**
 * Of a browser: who its cookie says that it is. What changes something must come from our own pages: a browser says whence
 * in Origin, and only those pages know the session's token. What a page asks by itself, or only listens to, is no use of
 * the session: one that nobody sits at idles away.
 */
export const readSession =
  ({ acts }: Pick<SignIn, 'acts'>, origin: () => string): SessionReader =>
  async ({ method, headers }) => {
    const caller = acts.callerOf(headers.cookie)
    // A socket stays open, and a browser sends the cookie with one that a foreign page opens (RFC 6455, 10.2).
    const isSocket = headers.upgrade !== undefined
    if (caller === undefined) return undefined
    const { origin: whence, [csrfHeader]: token, [backgroundHeader]: background } = headers
    if (isSocket || (method !== 'GET' && method !== 'HEAD')) {
      const isKnown = isSocket || (typeof token === 'string' && acts.isCsrfToken(headers.cookie, token))
      if (whence !== origin() || !isKnown)
        return {
          ...caller,
          refused: httpError('ORIGIN_FOREIGN', {
            attempted: `${method} within a session`,
            received: `the origin ${String(whence)}, ${token === undefined ? 'no token' : 'a token'}`,
          }),
        }
    }
    if (!isSocket && background === undefined) acts.use(headers.cookie)
    return caller
  }
