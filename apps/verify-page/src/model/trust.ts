// SPDX-License-Identifier: Apache-2.0

import type { Json } from '@sealwatch/base/json'
import { parseVkey } from '@sealwatch/ledger/verify'
import { sha256 } from './crypto.ts'
import { memberAt } from './member.ts'

/** Keys that the reader has pasted or dropped, and what of it could not be read. */
export type GivenTrust = { readonly vkeys: readonly string[]; readonly wrong: readonly string[] }

const textCharsMax = 64 * 1024
const keysMax = 64

/** Verifier keys with commas, spaces or line ends between; or a trust.json, as `sealwatch up` writes it. */
export function readTrust(text: string): GivenTrust {
  if (text.length > textCharsMax)
    return { vkeys: [], wrong: [`${text.length} characters: too many for a list of keys`] }
  const words = text.trimStart().startsWith('{') ? keysOfJson(text) : text.split(/[\s,]+/).filter(Boolean)
  const isKey = (word: string) => {
    try {
      return parseVkey(sha256, word) !== undefined
    } catch {
      return false
    }
  }
  const distinct = [...new Set(words)].slice(0, keysMax)
  return { vkeys: distinct.filter(isKey), wrong: distinct.filter((word) => !isKey(word)) }
}

function keysOfJson(text: string): string[] {
  try {
    const keys = memberAt(JSON.parse(text) as Json, 'ledgerKeys')
    return Array.isArray(keys) ? keys.map(String) : ['a trust file without ledgerKeys']
  } catch {
    return ['a trust file that is not JSON']
  }
}
