// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError } from '@sealwatch/base'
import { parseVkey, sha256 } from '@sealwatch/ledger'
import { cliError } from '../errors.ts'
import { readJsonFile } from '../json-file.ts'
import { fileOf, type Place } from '../place.ts'
import { readSmallFile } from '../small-file.ts'
import type { Trust } from '../status/types.ts'

/** Keys to verify with, and where they come from; none: the bundle's own word is all there is. */
export type PinnedTrust = { readonly vkeys: readonly string[]; readonly source: string }

const trustBytesMax = 64 * 1024
const vkeyForm = /^[^\s+,]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+$/

/** From --trust (keys with commas between, a file of them, or a trust.json), else from the data directory, else none. */
export async function trustOf(given: string | undefined, place: Place): Promise<PinnedTrust> {
  if (given === undefined) {
    const pinned = await readJsonFile<Trust>(fileOf.trust(place))
    return {
      vkeys: pinned === undefined ? [] : checked(keysOf(pinned), fileOf.trust(place)),
      source: fileOf.trust(place),
    }
  }
  const keys = given.split(',')
  if (keys.every((key) => vkeyForm.test(key))) return { vkeys: checked(keys, '--trust'), source: '--trust' }
  return { vkeys: checked(keysIn(textOf(given)), given), source: given }
}

function textOf(path: string): string {
  try {
    return readSmallFile(path, trustBytesMax)
  } catch (cause) {
    const received = `${path} (${(cause as NodeJS.ErrnoException).code})`
    throw cliError('CLI_TRUST', { attempted: 'reading --trust', received, cause })
  }
}

function keysIn(text: string): string[] {
  if (!text.trimStart().startsWith('{'))
    return text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
  try {
    return keysOf(JSON.parse(text) as Partial<Trust>)
  } catch {
    return []
  }
}

const keysOf = ({ ledgerKeys }: Partial<Trust>): string[] => (Array.isArray(ledgerKeys) ? ledgerKeys.map(String) : [])

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
