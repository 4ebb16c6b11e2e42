// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base/errors'
import { isSoundPublicKey } from '@sealwatch/keys/public-key'
import { type CosignerKey, parseCosignerVkey } from './cosignature.ts'
import { equal, type Sha256 } from './merkle.ts'
import { type NoteVerifier, parseVkey } from './note.ts'

export const policyErrors = {
  POLICY_MALFORMED: {
    kind: 'invalid',
    rule: 'a policy has the lines log, witness, group and one quorum, each name defined before it is used (witness.md, 4)',
    advice: 'Correct the line that is named',
  },
} as const satisfies ErrorTable
const policyError = errorsOf(policyErrors)

/** Whom a verifier trusts for a log's checkpoints, and how many witnesses must have seen them (C2SP tlog-policy). */
export type Policy = {
  readonly logs: readonly { readonly key: NoteVerifier; readonly url: string | undefined }[]
  readonly witnesses: readonly PolicyWitness[]
  readonly quorum: Quorum
}
export type PolicyWitness = { readonly name: string; readonly key: CosignerKey; readonly url: string | undefined }
/** `atLeast` of the members; 0 of none is the quorum `none`. */
export type Quorum =
  | { readonly witness: PolicyWitness }
  | { readonly atLeast: number; readonly members: readonly Quorum[] }

export const policyLimits = { chars: 65_536, logs: 32, witnesses: 32, groups: 32 } as const

/** Everyone that is listed must cosign: what `--witness VKEY,…` means. */
export function policyOfAll(sha256: Sha256, vkeys: readonly string[]): Policy {
  const witnesses = vkeys.map((vkey) => {
    const key = parseCosignerVkey(sha256, vkey)
    return { name: key.name, key, url: undefined }
  })
  return { logs: [], witnesses, quorum: { atLeast: vkeys.length, members: witnesses.map((witness) => ({ witness })) } }
}

export function isQuorumMet(quorum: Quorum, hasCosigned: (key: CosignerKey) => boolean): boolean {
  if ('witness' in quorum) return hasCosigned(quorum.witness.key)
  return quorum.members.filter((member) => isQuorumMet(member, hasCosigned)).length >= quorum.atLeast
}

/** Throws POLICY_MALFORMED, which names the line. */
export function parsePolicy(sha256: Sha256, text: string, attempted: string): Policy {
  const wrong = (received: string) => policyError('POLICY_MALFORMED', { attempted, received })
  if (text.length > policyLimits.chars) throw wrong(`${text.length} characters, more than ${policyLimits.chars}`)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: of control characters only tab and newline are allowed
  if (/[\x00-\x08\x0b-\x1f\x7f]/.test(text)) throw wrong('control characters')
  if (!text.endsWith('\n')) throw wrong('a last line that does not end: the file may be cut')
  const reader = createReader(sha256)
  for (const [i, line] of text.slice(0, -1).split('\n').entries()) {
    const words = line.split(/[ \t]+/).filter((word) => word !== '')
    if (words.length === 0 || words[0]?.startsWith('#')) continue
    const fault = reader.take(words)
    if (fault !== undefined)
      throw policyError('POLICY_MALFORMED', { attempted: `${attempted}, line ${i + 1}`, received: fault })
  }
  const { logs, witnesses, quorum } = reader
  if (quorum === undefined) throw wrong('no quorum line')
  return { logs, witnesses, quorum }
}

/** What is wrong with a line; undefined: nothing. */
type Fault = string | undefined

function createReader(sha256: Sha256) {
  const logs: Policy['logs'][number][] = []
  const witnesses: PolicyWitness[] = []
  const named = new Map<string, Quorum>()
  const joined = new Set<string>()
  let groups = 0
  let quorum: Quorum | undefined

  function takeLog([vkey = '', url, ...more]: readonly string[]): Fault {
    if (more.length > 0) return 'more than a key and a URL'
    if (logs.length === policyLimits.logs) return `more than ${policyLimits.logs} logs`
    const key = keyOf(parseVkey, vkey)
    if (key === undefined) return `the key ${vkey}, which is none of a log`
    if (logs.some((other) => equal(other.key.publicKey, key.publicKey))) return 'the key of another log'
    logs.push({ key, url })
    return undefined
  }

  function takeWitness([name = '', vkey = '', url, ...more]: readonly string[]): Fault {
    if (more.length > 0) return 'more than a name, a key and a URL'
    if (witnesses.length === policyLimits.witnesses) return `more than ${policyLimits.witnesses} witnesses`
    const key = keyOf(parseCosignerVkey, vkey)
    if (key === undefined) return `the key ${vkey}, which is none of a witness`
    if (witnesses.some((other) => equal(other.key.publicKey, key.publicKey))) return 'the key of another witness'
    const witness = { name, key, url }
    witnesses.push(witness)
    return define(name, { witness })
  }

  function takeGroup([name = '', needed = '', ...names]: readonly string[]): Fault {
    if (groups === policyLimits.groups) return `more than ${policyLimits.groups} groups`
    const atLeast = thresholdOf(needed, names.length)
    if (atLeast === undefined) return `a group of ${needed || 'nothing'} out of ${names.length}`
    const members: Quorum[] = []
    for (const member of names) {
      const meaning = named.get(member)
      if (meaning === undefined) return `the name ${member}, which no line before defines`
      if (joined.has(member)) return `${member}, which is in a group already`
      joined.add(member)
      members.push(meaning)
    }
    groups += 1
    return define(name, { atLeast, members })
  }

  function takeQuorum([name = '', ...more]: readonly string[]): Fault {
    if (more.length > 0) return 'more than one name'
    if (quorum !== undefined) return 'a second quorum'
    quorum = name === 'none' ? { atLeast: 0, members: [] } : named.get(name)
    return quorum === undefined ? `the name ${name}, which no line before defines` : undefined
  }

  function define(name: string, meaning: Quorum): Fault {
    if (name === 'none' || named.has(name)) return `the name ${name}, which means something already`
    named.set(name, meaning)
    return undefined
  }

  function keyOf<Key extends NoteVerifier>(parse: (sha256: Sha256, vkey: string) => Key, vkey: string) {
    try {
      const key = parse(sha256, vkey)
      return isSoundPublicKey(key.publicKey) ? key : undefined
    } catch {
      return undefined
    }
  }

  const takers: Readonly<Record<string, (words: readonly string[]) => Fault>> = {
    log: takeLog,
    witness: takeWitness,
    group: takeGroup,
    quorum: takeQuorum,
  }
  return {
    take: ([keyword = '', ...words]: readonly string[]): Fault => {
      const taker = Object.hasOwn(takers, keyword) ? takers[keyword] : undefined
      return taker === undefined ? `the keyword ${keyword}` : taker(words)
    },
    logs,
    witnesses,
    get quorum() {
      return quorum
    },
  }
}

function thresholdOf(needed: string, members: number): number | undefined {
  const named = needed === 'all' ? members : needed === 'any' ? 1 : undefined
  const threshold = named ?? (/^[1-9]\d{0,3}$/.test(needed) ? Number(needed) : 0)
  return threshold >= 1 && threshold <= members ? threshold : undefined
}
