// SPDX-License-Identifier: Apache-2.0

import { frameLimits, must } from './frame-errors.ts'
import { decodeEvent } from './frame-event.ts'
import { mustBeZero, takeTexts } from './frame-fields.ts'
import { showText } from './frame-text.ts'
import {
  domains,
  type Modes,
  modes,
  type SensorCounts,
  type SensorHello,
  type SensorMessage,
  type SensorReport,
  type Site,
  sensorHarms,
  sites,
} from './observation.ts'

const helloKind = 1
const reportKind = 2
const version = 4
const magic = 'sealwtch'

const eraAt = 16
const eraBytes = 16
const countsBytes = 32
const harmsAt = 2
const tableAt = 4
const blindAt = eraAt + eraBytes
const fileTableAt = blindAt + 8
const reportCountsAt = fileTableAt + 8
const reportBytes = reportCountsAt + countsBytes * sites.length
const magicAt = eraAt + eraBytes
const attachedAt = magicAt + magic.length
const lengthsAt = attachedAt + 8
const modesAt = lengthsAt + 2
const reservedAt = modesAt + domains.length
const reasonsAt = lengthsAt + 8
const helloCountsAt = reasonsAt + frameLimits.sitesMax
const helloBytes = helloCountsAt + countsBytes * sites.length

/** What begins with a hello, else a connection alone (docs/formats/frame.md, 2.2). */
const [startFresh, startAdopted] = [1, 2]

/** One body, without its length prefix. Throws a FRAME_ error for whatever docs/formats/frame.md does not allow. */
export function decodeFrame(bytes: Buffer): SensorMessage {
  if (bytes[0] === helloKind) return decodeHello(bytes)
  if (bytes[0] === reportKind) return decodeReport(bytes)
  return decodeEvent(bytes)
}

function decodeHello(bytes: Buffer): SensorHello {
  must(bytes.length >= helloCountsAt, 'FRAME_SIZE', bytes.length)
  const said = `${bytes.toString('latin1', magicAt, attachedAt)} ${bytes.readUInt16LE(4)}`
  must(said === `${magic} ${version}`, 'FRAME_HELLO', said)
  must(bytes[1] === sites.length, 'FRAME_COUNT', bytes[1])
  const start = bytes.readUInt8(2)
  const attached = bytes.readBigUInt64LE(attachedAt)
  must(start <= startAdopted && attached >> BigInt(sites.length) === 0n, 'FRAME_VALUE', { start, attached })
  mustBeZero(bytes, 3, 4)
  mustBeZero(bytes, 6, 8)
  mustBeZero(bytes, reservedAt, reasonsAt)
  mustBeZero(bytes, reasonsAt + sites.length, helloCountsAt)
  must(bytes.length >= helloBytes, 'FRAME_SIZE', bytes.length)
  const lengths = [...bytes.subarray(lengthsAt, modesAt), ...bytes.subarray(reasonsAt, reasonsAt + sites.length)]
  const texts = takeTexts(bytes, helloBytes, lengths)
  const [sensorVersion = '', kernel = '', ...reasons] = texts.map(showText)
  return {
    kind: 'hello',
    timeNs: bytes.readBigUInt64LE(8),
    era: readEra(bytes),
    sensorVersion,
    kernel,
    fresh: start === startFresh,
    ...(start === startAdopted && { adopted: true }),
    modes: readModes(bytes),
    attached: bySite((i) => ({ ok: (attached >> BigInt(i)) % 2n === 1n, reason: reasons[i] ?? '' })),
    counts: readCounts(bytes, helloCountsAt),
  }
}

function readModes(bytes: Buffer): Modes {
  const named = domains.map((domain, i) => {
    const mode = modes[bytes.readUInt8(modesAt + i)]
    must(mode !== undefined, 'FRAME_VALUE', { domain, mode: bytes[modesAt + i] })
    return [domain, mode] as const
  })
  return Object.fromEntries(named) as Modes
}

function decodeReport(bytes: Buffer): SensorReport {
  must(bytes.length === reportBytes, 'FRAME_SIZE', bytes.length)
  must(bytes[1] === sites.length, 'FRAME_COUNT', bytes[1])
  mustBeZero(bytes, harmsAt + 1, tableAt)
  const harmBits = bytes.readUInt8(harmsAt)
  const blindBits = bytes.readBigUInt64LE(blindAt)
  must(harmBits >> sensorHarms.length === 0 && blindBits >> BigInt(sites.length) === 0n, 'FRAME_VALUE', {
    harms: harmBits,
    blind: blindBits,
  })
  const table = bytes.readUInt32LE(tableAt)
  const [fileTable, unguarded] = [bytes.readUInt32LE(fileTableAt), bytes.readUInt32LE(fileTableAt + 4)]
  must(fileTable > 0 || unguarded === 0, 'FRAME_VALUE', { fileTable, unguarded })
  const harms = sensorHarms.filter((_, i) => (harmBits >> i) % 2 === 1)
  const blind = sites.filter((_, i) => (blindBits >> BigInt(i)) % 2n === 1n)
  return {
    kind: 'report',
    timeNs: bytes.readBigUInt64LE(8),
    era: readEra(bytes),
    counts: readCounts(bytes, reportCountsAt),
    ...(table > 0 && { table }),
    ...(fileTable > 0 && { fileTable }),
    ...(unguarded > 0 && { unguarded }),
    ...(blind.length > 0 && { blind }),
    ...(harms.length > 0 && { harms }),
  }
}

const readEra = (bytes: Buffer) => bytes.toString('hex', eraAt, eraAt + eraBytes)

function readCounts(bytes: Buffer, from: number): SensorCounts {
  const at = (row: number, column: number) => bytes.readBigUInt64LE(from + row * countsBytes + column * 8)
  return bySite((i) => ({ produced: at(i, 0), dropped: at(i, 1), sent: at(i, 2), repeated: at(i, 3) }))
}

function bySite<T>(value: (index: number) => T): { readonly [S in Site]: T } {
  return Object.fromEntries(sites.map((site, i) => [site, value(i)])) as { [S in Site]: T }
}
