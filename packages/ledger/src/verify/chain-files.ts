// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf, isSealwatchError, type SealwatchError } from '@sealwatch/base/errors'
import { type ChainPosition, chainStart, extendChain } from './chain.ts'
import { readHead, verifyHead } from './head.ts'
import { type KeyRecord, type Line, parseLine } from './line.ts'
import type { Sha256 } from './merkle.ts'
import type { VerifyEd25519 } from './note.ts'

export const chainFilesErrors = {
  CHAIN_CUT: {
    kind: 'unverified',
    rule: 'a chain ends where the key of its epoch says, and begins with the first line or behind acknowledged ones (chain.md, 6)',
    advice: 'Lines were removed on the host: compare with the ledger, which holds what was acknowledged',
  },
  CHAIN_MOVED: {
    kind: 'unverified',
    rule: 'the files of a directory are those of one chain, of one tenant, each named after its first line (chain.md, 4)',
    advice: 'Files of another chain were put here, or files were renamed',
  },
} as const satisfies ErrorTable
const chainFilesError = errorsOf(chainFilesErrors)

export type ChainFilesProblem = {
  readonly file: string
  /** Of the file, from 1; undefined where no line is at fault. */
  readonly fileLine: number | undefined
  readonly seq: number | undefined
  readonly code: string
  readonly message: string
}

export type ChainFilesReport = {
  readonly ok: boolean
  /** The first thing that is wrong. */
  readonly problem: ChainFilesProblem | undefined
  readonly chain: string | undefined
  readonly tenant: string | undefined
  readonly keyId: string | undefined
  readonly files: number
  readonly lines: number
  readonly firstSeq: number
  /** Number of the next line. */
  readonly nextSeq: number
  /** Heads, and those of them whose signature by the host's key was checked. */
  readonly heads: number
  readonly headsOfHost: number
  readonly epochs: {
    /** Closed in these files. */
    readonly closed: number
    /** The open one; null where the chain has no epochs (version 1). */
    readonly open: number | null
    /** Lines before this one are sealed by a closed epoch. */
    readonly sealedBefore: number
  }
  /** Of the last close. */
  readonly acknowledged: { readonly nextSeq: number; readonly checkpoint: string | null }
  /** Behind the last head: an append that is under way, or that a crash cut short. */
  readonly unsealed: number
  /** `matches`: the chain ends where its epoch's key says. `not asked`: no key was at hand to compare with. */
  readonly end: 'matches' | 'differs' | 'no key' | 'not asked'
}

export type ChainFilesChecks = {
  readonly sha256: Sha256
  readonly verify: VerifyEd25519
  /** Raw public key of the host; without it heads are checked against the keys of their epochs alone. */
  readonly hostKey?: Uint8Array
  readonly tenant?: string
}

/**
 * Follows the files of one host's chain, oldest first, and keeps no line: what is closed was sealed by keys that are
 * destroyed. Methods throw what is wrong; `report` tells it.
 */
export type ChainFilesVerifier = {
  /** A further file begins: `name` as chain.md, 4.1 has it. */
  file(name: string): void
  /** The next line of the file, without its newline. */
  line(bytes: Uint8Array): void
  /**
   * Public keys (hex) whose private halves lie beside the files, where somebody looked, and whether the second of the
   * two places for them was ever used: then the chain has epochs.
   */
  end(epochKeys: readonly string[] | undefined, hasSecondPlace?: boolean): void
  report(error?: unknown): ChainFilesReport
}

export function createChainFilesVerifier({ sha256, verify, hostKey, tenant }: ChainFilesChecks): ChainFilesVerifier {
  const hostKeyId = hostKey && sha256(hostKey).toHex()
  let position: ChainPosition | undefined
  let keyId: string | undefined
  let ownTenant: string | undefined
  let chain: string | undefined
  let name = ''
  let nameBefore: string | undefined
  let at: { fileLine: number; seq: number | undefined } | undefined
  let firstSeq = 0
  let acknowledged: ChainFilesReport['acknowledged'] = { nextSeq: 0, checkpoint: null }
  let end: ChainFilesReport['end'] = 'not asked'
  const counts = { files: 0, lines: 0, heads: 0, headsOfHost: 0, unsealed: 0 }
  const epochs = { closed: 0, sealedBefore: 0 }

  function takeLine(bytes: Uint8Array): void {
    const attempted = `verifying line ${at?.fileLine} of ${name}`
    const parsed = parseLine(sha256, bytes, attempted)
    const { line } = parsed
    at = { fileLine: at?.fileLine ?? 1, seq: line.seq }
    if (at.fileLine === 1) takeFirst(line, attempted)
    const epoch = position?.epoch
    position = extendChain(position ?? startAt(line), parsed, attempted)
    counts.lines += 1
    counts.unsealed += 1
    if ('close' in line) {
      const { next_seq, checkpoint } = line.close.acknowledged
      acknowledged = { nextSeq: next_seq, checkpoint }
    }
    if (!('head' in line)) return
    if (hostKey !== undefined || epoch?.key)
      verifyHead(sha256, verify, readHead(parsed, attempted), hostRecord(), attempted, epoch)
    counts.heads += 1
    counts.unsealed = 0
    if (hostKey !== undefined) counts.headsOfHost += 1
    if (epoch?.nextKey) {
      epochs.closed += 1
      epochs.sealedBefore = line.seq + 1
    }
  }

  /** What the first line of a file says of the whole. */
  function takeFirst(line: Line, attempted: string): void {
    const moved = (received: string) => chainFilesError('CHAIN_MOVED', { attempted, received })
    if (name !== fileName(line.seq)) throw moved(`line ${line.seq}, whose file is ${fileName(line.seq)}`)
    if (!('anchor' in line)) throw moved('a first line that is no anchor')
    const { anchor } = line
    if (anchor.tenant !== (tenant ?? anchor.tenant) || anchor.tenant !== (ownTenant ?? anchor.tenant))
      throw moved(`the tenant ${anchor.tenant} where ${ownTenant ?? tenant} was due`)
    if (line.chain !== (chain ?? line.chain)) throw moved(`the chain ${line.chain} where ${chain} was due`)
    if (anchor.key_id !== (keyId ?? anchor.key_id) || anchor.key_id !== (hostKeyId ?? anchor.key_id))
      throw moved(`the key ${anchor.key_id} where ${hostKeyId ?? keyId} was due`)
    if (nameBefore !== undefined && anchor.prev_file !== nameBefore)
      throw moved(`an anchor behind ${anchor.prev_file} where ${nameBefore} was read`)
    chain = line.chain
    ownTenant = anchor.tenant
    keyId = anchor.key_id ?? undefined
  }

  function startAt(line: Line): ChainPosition {
    firstSeq = line.seq
    if (line.seq > 0 && 'anchor' in line)
      acknowledged = { nextSeq: line.anchor.epoch_acknowledged ?? 0, checkpoint: null }
    return line.seq === 0 ? chainStart : { nextSeq: line.seq, tip: null }
  }

  const hostRecord = (): KeyRecord | undefined =>
    hostKey && {
      algorithm: 'ed25519',
      host_id: '',
      key_id: hostKeyId as string,
      public_key: hostKey.toHex(),
      valid_from: '',
      valid_until: null,
    }

  return {
    file(next) {
      nameBefore = counts.files === 0 ? undefined : name
      name = next
      at = undefined
      counts.files += 1
    },
    line(bytes) {
      at = { fileLine: (at?.fileLine ?? 0) + 1, seq: undefined }
      takeLine(bytes)
    },
    end(epochKeys, hasSecondPlace = false) {
      at = undefined
      const attempted = 'verifying the end of the chain'
      const cut = (received: string) => chainFilesError('CHAIN_CUT', { attempted, received })
      // Of a chain without epochs the cursor alone knows what was acknowledged, and it is no evidence.
      if (position?.epoch !== undefined && firstSeq > acknowledged.nextSeq)
        throw cut(`a first line ${firstSeq} where the server had acknowledged those before ${acknowledged.nextSeq}`)
      if (position !== undefined && position.epoch === undefined && hasSecondPlace)
        throw cut('lines of version 1 alone, beside the key of a second epoch')
      if (position?.epoch === undefined || epochKeys === undefined) return
      end = epochKeys.length === 0 ? 'no key' : epochKeys.includes(position.epoch.key ?? '') ? 'matches' : 'differs'
      if (end !== 'matches')
        throw cut(
          `the chain ends in epoch ${position.epoch.number}, and its key is ${end === 'differs' ? 'another' : 'gone'}`,
        )
    },
    report(error) {
      const problem: SealwatchError | undefined = isSealwatchError(error) ? error : undefined
      return {
        ok: error === undefined,
        problem: problem && {
          file: name,
          fileLine: at?.fileLine,
          seq: at?.seq,
          code: problem.code,
          message: problem.message,
        },
        chain,
        tenant: ownTenant,
        keyId,
        firstSeq,
        nextSeq: position?.nextSeq ?? 0,
        ...counts,
        epochs: { ...epochs, open: position?.epoch?.number ?? null },
        acknowledged,
        end,
      }
    },
  }
}

const fileName = (firstSeq: number) => `${String(firstSeq).padStart(16, '0')}.ndjson`
