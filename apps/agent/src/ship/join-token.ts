// SPDX-License-Identifier: Apache-2.0

import { readFile } from 'node:fs/promises'
import type { Clock } from '@sealwatch/base'
import { joinTokenForm } from '@sealwatch/contract'
import { shipError } from './errors.ts'

const lookEveryMs = 200

/** How the fingerprint of the server's CA must begin. Throws JOIN_TOKEN_MALFORMED, which never quotes the token. */
export function pinOf(token: string): string {
  const pin = joinTokenForm.exec(token)?.[2]
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
