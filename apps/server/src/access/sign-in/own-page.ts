// SPDX-License-Identifier: Apache-2.0

import { signInError } from './errors.ts'

/** Whence a browser says that a form was sent: the headers Origin and Sec-Fetch-Site. */
export type Whence = { readonly origin: unknown; readonly site: unknown }

/**
 * A page of elsewhere that could send the form of a link would sign whoever looks at it in as whom it likes (log-in CSRF).
 * Every browser says whence a POST comes; whoever says nothing is refused, too. Throws LINK_FOREIGN.
 */
export function checkOwnPage({ origin, site }: Whence, own: string): void {
  if (origin === own && (site === undefined || site === 'same-origin')) return
  throw signInError('LINK_FOREIGN', {
    attempted: 'following a log-in link',
    received: `a form of the origin ${shown(origin)}, Sec-Fetch-Site ${shown(site)}`,
  })
}

const shown = (header: unknown) => (header === undefined ? 'none' : String(header).slice(0, 200))
