// SPDX-License-Identifier: Apache-2.0

import type { Json } from '@sealwatch/base/json'
import { parseCosignerVkey, parseVkey } from '@sealwatch/ledger/verify'
import { memberAt } from './member.ts'
import { sha256 } from './sha256.ts'

/** Verifier keys that the reader has named: of ledgers, and of witnesses of the root ledger. */
export type Trust = { readonly vkeys: readonly string[]; readonly witnesses: readonly string[] }
/** What was pasted or dropped, and what of it could not be read. */
export type GivenTrust = Trust & { readonly wrong: readonly string[] }

const textCharsMax = 64 * 1024
const keysMax = 64

/** Verifier keys with commas, spaces or line ends between; or a trust.json, as `sealwatch up` writes it. */
export function readTrust(text: string): GivenTrust {
  if (text.length > textCharsMax)
    return { vkeys: [], witnesses: [], wrong: [`${text.length} characters: too many for a list of keys`] }
  const words = text.trimStart().startsWith('{') ? keysOfJson(text) : text.split(/[\s,]+/).filter(Boolean)
  const distinct = [...new Set(words)].slice(0, keysMax)
  const vkeys = distinct.filter(isKeyOf(parseVkey))
  const witnesses = distinct.filter(isKeyOf(parseCosignerVkey))
  return { vkeys, witnesses, wrong: distinct.filter((word) => !vkeys.includes(word) && !witnesses.includes(word)) }
}

const isKeyOf = (parse: (sha: typeof sha256, vkey: string) => unknown) => (word: string) => {
  try {
    parse(sha256, word)
    return true
  } catch {
    return false
  }
}

function keysOfJson(text: string): string[] {
  try {
    const keys = memberAt(JSON.parse(text) as Json, 'ledgerKeys')
    return Array.isArray(keys) ? keys.map(String) : ['a trust file without ledgerKeys']
  } catch {
    return ['a trust file that is not JSON']
  }
}
