// SPDX-License-Identifier: Apache-2.0

import { must } from './frame-errors.ts'
import { decodeEvent } from './frame-event.ts'
import { mustBeZero, takeTexts } from './frame-fields.ts'
import { showText } from './frame-text.ts'
import {
  type SensorCounts,
  type SensorHello,
  type SensorMessage,
  type SensorReport,
  type Site,
  sites,
} from './observation.ts'

const helloKind = 1
const reportKind = 2
const version = 2
const magic = 'sealwtch'

const eraAt = 16
const countsAt = 32
const countsBytes = 24
const reportBytes = countsAt + countsBytes * sites.length
const magicAt = reportBytes
const lengthsAt = magicAt + magic.length
const reservedAt = lengthsAt + 2 + sites.length
const helloBytes = reservedAt + 5

/** One body, without its length prefix. Throws a FRAME_ error for whatever docs/formats/frame.md does not allow. */
export function decodeFrame(bytes: Buffer): SensorMessage {
  if (bytes[0] === helloKind) return decodeHello(bytes)
  if (bytes[0] === reportKind) return decodeReport(bytes)
  return decodeEvent(bytes)
}

function decodeHello(bytes: Buffer): SensorHello {
  must(bytes.length >= helloBytes, 'FRAME_SIZE', bytes.length)
  const said = `${bytes.toString('latin1', magicAt, lengthsAt)} ${bytes.readUInt16LE(4)}`
  must(said === `${magic} ${version}`, 'FRAME_HELLO', said)
  must(bytes[1] === sites.length, 'FRAME_COUNT', bytes[1])
  const fresh = bytes.readUInt8(2)
  const attached = bytes.readUInt16LE(6)
  must(fresh <= 1 && attached >> sites.length === 0, 'FRAME_VALUE', { fresh, attached })
  mustBeZero(bytes, 3, 4)
  mustBeZero(bytes, reservedAt, helloBytes)
  const texts = takeTexts(bytes, helloBytes, [...bytes.subarray(lengthsAt, reservedAt)])
  const [sensorVersion = '', kernel = '', ...reasons] = texts.map(showText)
  return {
    kind: 'hello',
    timeNs: bytes.readBigUInt64LE(8),
    era: readEra(bytes),
    sensorVersion,
    kernel,
    fresh: fresh === 1,
    attached: bySite((i) => ({ ok: (attached >> i) % 2 === 1, reason: reasons[i] ?? '' })),
    counts: readCounts(bytes),
  }
}

function decodeReport(bytes: Buffer): SensorReport {
  must(bytes.length === reportBytes, 'FRAME_SIZE', bytes.length)
  must(bytes[1] === sites.length, 'FRAME_COUNT', bytes[1])
  mustBeZero(bytes, 2, 8)
  return { kind: 'report', timeNs: bytes.readBigUInt64LE(8), era: readEra(bytes), counts: readCounts(bytes) }
}

const readEra = (bytes: Buffer) => bytes.toString('hex', eraAt, countsAt)

function readCounts(bytes: Buffer): SensorCounts {
  const at = (row: number, column: number) => bytes.readBigUInt64LE(countsAt + row * countsBytes + column * 8)
  return bySite((i) => ({ produced: at(i, 0), dropped: at(i, 1), sent: at(i, 2) }))
}

function bySite<T>(value: (index: number) => T): { readonly [S in Site]: T } {
  return Object.fromEntries(sites.map((site, i) => [site, value(i)])) as { [S in Site]: T }
}
