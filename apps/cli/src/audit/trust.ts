// SPDX-License-Identifier: Apache-2.0

import { readFile } from 'node:fs/promises'
import { isSealwatchError } from '@sealwatch/base'
import { parseVkey, sha256 } from '@sealwatch/ledger'
import { cliError } from '../errors.ts'
import { readJsonFile } from '../json-file.ts'
import { fileOf, type Place } from '../place.ts'
import type { Trust } from '../status/types.ts'

/** Keys to verify with, and where they come from; none: the bundle's own word is all there is. */
export type PinnedTrust = { readonly vkeys: readonly string[]; readonly source: string }

const vkeyForm = /^[^\s+,]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+$/

/** From --trust (keys with commas between, a file of them, or a trust.json), else from the data directory, else none. */
export async function trustOf(given: string | undefined, place: Place): Promise<PinnedTrust> {
  if (given === undefined) {
    const pinned = await readJsonFile<Trust>(fileOf.trust(place))
    return {
      vkeys: pinned === undefined ? [] : checked(pinned.ledgerKeys, fileOf.trust(place)),
      source: fileOf.trust(place),
    }
  }
  const keys = given.split(',')
  if (keys.every((key) => vkeyForm.test(key))) return { vkeys: checked(keys, '--trust'), source: '--trust' }
  const text = await readFile(given, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw cliError('CLI_TRUST', { attempted: 'reading --trust', received: `${given} (${cause.code})`, cause })
  })
  return { vkeys: checked(keysIn(text), given), source: given }
}

function keysIn(text: string): string[] {
  if (!text.trimStart().startsWith('{'))
    return text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
  try {
    const { ledgerKeys } = JSON.parse(text) as Partial<Trust>
    return Array.isArray(ledgerKeys) ? ledgerKeys.map(String) : []
  } catch {
    return []
  }
}

function checked(vkeys: readonly string[], source: string): readonly string[] {
  if (vkeys.length === 0) throw cliError('CLI_TRUST', { attempted: `reading ${source}`, received: 'no key' })
  try {
    for (const vkey of vkeys) parseVkey(sha256, vkey)
    return vkeys
  } catch (cause) {
    const received = isSealwatchError(cause) ? cause.received : String(cause)
    throw cliError('CLI_TRUST', { attempted: `reading ${source}`, received, cause })
  }
}
