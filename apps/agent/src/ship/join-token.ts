// SPDX-License-Identifier: Apache-2.0

import { readFile } from 'node:fs/promises'
import type { Clock } from '@sealwatch/base'
import { shipError } from './errors.ts'

const tokenForm = /^swj_[A-Za-z0-9_-]{43}\.([0-9a-f]{32})$/
const lookEveryMs = 200

/** How the fingerprint of the server's CA must begin. Throws JOIN_TOKEN_MALFORMED, which never quotes the token. */
export function pinOf(token: string): string {
  const pin = tokenForm.exec(token)?.[1]
  if (pin !== undefined) return pin
  throw shipError('JOIN_TOKEN_MALFORMED', {
    attempted: 'reading the join token',
    received: `${token.length} characters of another form`,
  })
}

/** Waits until the file holds a text other than `refused`; undefined when the signal fires first. */
export async function waitForToken(
  path: string,
  refused: string | undefined,
  clock: Clock,
  signal: AbortSignal,
): Promise<string | undefined> {
  while (!signal.aborted) {
    const token = (await readFile(path, 'utf8').catch(() => '')).trim()
    if (token !== '' && token !== refused) return token
    await clock.sleep(lookEveryMs, signal)
  }
  return undefined
}
