// SPDX-License-Identifier: Apache-2.0

import type { Json } from '@sealwatch/base/json'
import {
  formatVkey,
  type Policy,
  parseCosignerVkey,
  parsePolicy,
  parseVkey,
  policyOfAll,
} from '@sealwatch/ledger/verify'
import { memberAt } from './member.ts'
import { sha256 } from './sha256.ts'

/** Whom the reader trusts: keys of deployments, and witnesses, each of whom must have cosigned, or as the policy says. */
export type Trust = {
  readonly vkeys: readonly string[]
  readonly witnesses: readonly string[]
  /** A policy's text (C2SP tlog-policy), which then decides about witnesses. */
  readonly policy: string | undefined
}
/** What was pasted or dropped, and what of it could not be read. */
export type GivenTrust = Trust & { readonly wrong: readonly string[] }

const textCharsMax = 64 * 1024
const keysMax = 64
const none = { vkeys: [], witnesses: [], policy: undefined, wrong: [] }

/** Verifier keys with commas, spaces or line ends between; a trust.json, as `sealwatch up` writes it; or a policy. */
export function readTrust(text: string): GivenTrust {
  if (text.length > textCharsMax) return { ...none, wrong: [`${text.length} characters: too many for a list of keys`] }
  if (/^quorum[ \t]/m.test(text)) return ofPolicy(text)
  const words = text.trimStart().startsWith('{') ? keysOfJson(text) : text.split(/[\s,]+/).filter(Boolean)
  const distinct = [...new Set(words)].slice(0, keysMax)
  const vkeys = distinct.filter(isKeyOf(parseVkey))
  const witnesses = distinct.filter(isKeyOf(parseCosignerVkey))
  const wrong = distinct.filter((word) => !vkeys.includes(word) && !witnesses.includes(word))
  return { ...none, vkeys, witnesses, wrong }
}

/** What the verifier is to ask of witnesses; undefined: nothing. */
export function policyOf({ witnesses, policy }: Trust): Policy | undefined {
  if (policy !== undefined) return parsePolicy(sha256, policy, 'reading the policy')
  return witnesses.length === 0 ? undefined : policyOfAll(sha256, witnesses)
}

function ofPolicy(text: string): GivenTrust {
  const policy = text.endsWith('\n') ? text : `${text}\n`
  try {
    const { logs } = parsePolicy(sha256, policy, 'reading the policy')
    return { ...none, vkeys: logs.map(({ key }) => formatVkey(key)), policy }
  } catch (error) {
    return { ...none, wrong: [String(error)] }
  }
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
