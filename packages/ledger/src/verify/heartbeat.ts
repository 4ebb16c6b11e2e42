// SPDX-License-Identifier: Apache-2.0

import { errorsOf } from '@sealwatch/base/errors'
import { parseRfc3339, rfc3339 } from '@sealwatch/base/time'
import { hostVerifier } from './head.ts'
import type { KeyRecord } from './line.ts'
import type { Sha256 } from './merkle.ts'
import { noteErrors, openNote, type VerifyEd25519 } from './note.ts'

const noteError = errorsOf(noteErrors)

/** That a host lives, and how it stands: signed by its key, in no ledger (agent-protocol.md, 8). */
export type Heartbeat = {
  /** The host's chain of the tenant `cluster`, the number of its next line, and the leaf hash (hex) of the one before. */
  readonly chain: string
  readonly nextSeq: number
  readonly tip: string
  /** Unix nanoseconds, by the host's clock. */
  readonly timeNs: bigint
  readonly bootId: string
  /** CLOCK_BOOTTIME, nanoseconds: it runs on whatever is done to the clock. */
  readonly bootNs: bigint
  /** Sites of the sensor that are attached, of how many; undefined: no sensor is connected. */
  readonly sites: { readonly attached: number; readonly of: number } | undefined
  /** Events that wait to be sealed. */
  readonly waiting: number
}

/** Far more than one takes. */
export const heartbeatCharsMax = 1024

const form =
  /^sealwatch\.dev\/heartbeat\/v1\/([0-9a-f]{32})\n(0|[1-9]\d{0,15})\n([A-Za-z0-9+/]{43}=)\n([\dTZ:.-]{30})\n([0-9a-f-]{1,64}) (\d{1,19})\n(?:(\d{1,3})\/(\d{1,3})|none)\n(\d{1,9})\n$/

/** What the host's key signs. */
export function heartbeatText({ chain, nextSeq, tip, timeNs, bootId, bootNs, sites, waiting }: Heartbeat): string {
  const position = `${nextSeq}\n${Uint8Array.fromHex(tip).toBase64()}`
  const seen = sites === undefined ? 'none' : `${sites.attached}/${sites.of}`
  return `sealwatch.dev/heartbeat/v1/${chain}\n${position}\n${rfc3339(timeNs)}\n${bootId} ${bootNs}\n${seen}\n${waiting}\n`
}

type HostKey = Pick<KeyRecord, 'host_id' | 'key_id' | 'public_key'>

/** Throws NOTE_MALFORMED, or NOTE_UNVERIFIED unless `key` signed it. */
export function openHeartbeat(sha256: Sha256, verify: VerifyEd25519, note: string, key: HostKey): Heartbeat {
  const attempted = `reading a heartbeat of the host ${key.host_id}`
  const wrong = (received: string) => noteError('NOTE_MALFORMED', { attempted, received })
  if (note.length > heartbeatCharsMax) throw wrong(`${note.length} characters`)
  const verifier = hostVerifier(sha256, key.key_id, Uint8Array.fromHex(key.public_key))
  const { text } = openNote(note, [verifier], verify, attempted)
  const match = form.exec(text)
  const timeNs = parseRfc3339(match?.[4] ?? '')
  if (match === null || timeNs === undefined) throw wrong(text)
  const [, chain, nextSeq, tip, , bootId, bootNs, attached, of, waiting] = match as unknown as string[]
  return {
    chain: chain as string,
    nextSeq: Number(nextSeq),
    tip: Uint8Array.fromBase64(tip as string).toHex(),
    timeNs,
    bootId: bootId as string,
    bootNs: BigInt(bootNs as string),
    sites: attached === undefined ? undefined : { attached: Number(attached), of: Number(of) },
    waiting: Number(waiting),
  }
}
