// SPDX-License-Identifier: Apache-2.0

import { SocketAddress } from 'node:net'
import { constants } from 'node:os'
import { capabilities } from '@sealwatch/contract'
import { must } from './frame-errors.ts'
import type { Common, Texts } from './frame-event.ts'
import { mustBeZero, objectAt } from './frame-fields.ts'
import { showText } from './frame-text.ts'
import type { Endpoint, Observation, Site, SocketAct, SocketFamily, SocketType } from './observation.ts'

/** By <bits/socket.h>. */
const families = new Map<number, SocketFamily>([
  [1, 'unix'],
  [2, 'ipv4'],
  [10, 'ipv6'],
  [16, 'netlink'],
  [17, 'packet'],
])
const types = new Map<number, SocketType>([
  [1, 'stream'],
  [2, 'dgram'],
  [3, 'raw'],
  [4, 'rdm'],
  [5, 'seqpacket'],
  [6, 'dccp'],
  [10, 'packet'],
])

const internet: readonly SocketFamily[] = ['ipv4', 'ipv6']
const nameable: readonly SocketFamily[] = ['unix', ...internet]

/** What an act can be of, and say (docs/formats/frame.md, 5.12). */
type ActRow = {
  readonly families: readonly SocketFamily[]
  /** There is another side. */
  readonly remote: boolean
  readonly mayFail: (error: number) => boolean
}
const never = (error: number) => error === 0
const acts: Readonly<Record<Exclude<SocketAct, 'socket_ended'>, ActRow>> = {
  connect: { families: nameable, remote: true, mayFail: () => true },
  connect_failed: { families: internet, remote: true, mayFail: (error) => error > 0 },
  accept: { families: internet, remote: true, mayFail: never },
  bind: { families: nameable, remote: false, mayFail: never },
  listen: { families: nameable, remote: false, mayFail: never },
  datagram: { families: internet, remote: true, mayFail: never },
  socket: {
    families: ['packet', 'netlink', ...internet],
    remote: false,
    mayFail: (error) => [0, constants.errno.EPERM, constants.errno.EACCES].includes(error),
  },
}

const addressBytes = 16
const remoteAt = objectAt + addressBytes
const portsAt = remoteAt + addressBytes

/** As what a socket that has ended was told when it began: their numbers on the wire. */
const beginnings = new Map<number, keyof typeof acts>([
  [20, 'connect'],
  [22, 'accept'],
  [23, 'bind'],
  [24, 'listen'],
  [26, 'socket'],
])

function beganAs(bytes: Buffer): keyof typeof acts {
  const number = bytes.readUInt32LE(portsAt + 12)
  const began = beginnings.get(number)
  must(began !== undefined, 'FRAME_VALUE', { began: number })
  return began
}

export function decodeSocket(kind: SocketAct) {
  return (bytes: Buffer, common: Common, _site: Site, texts: Texts): Observation => {
    const isEnd = kind === 'socket_ended'
    const act = isEnd ? beganAs(bytes) : kind
    const row = acts[act]
    const [family, type] = [families.get(bytes.readUInt8(portsAt + 4)), types.get(bytes.readUInt8(portsAt + 5))]
    must(family !== undefined && row.families.includes(family) && type !== undefined, 'FRAME_VALUE', { family, type })
    const error = bytes.readUInt8(portsAt + 7)
    must(isEnd ? error === 0 : row.mayFail(error), 'FRAME_VALUE', { error })
    const hasAddresses = internet.includes(family) && act !== 'socket'
    if (!hasAddresses) mustBeZero(bytes, objectAt, portsAt + 4)
    else if (!row.remote) {
      mustBeZero(bytes, remoteAt, portsAt)
      mustBeZero(bytes, portsAt + 2, portsAt + 4)
    }
    must(family === 'unix' || texts.path.length === 0, 'FRAME_TEXT', { family, path: texts.path.length })
    const isBrief = kind === 'connect_failed' || isEnd
    must(!isBrief || common.actor.ancestors.length === 0, 'FRAME_COUNT', { ancestors: common.actor.ancestors.length })
    const socket = {
      family,
      type,
      protocol: bytes.readUInt8(portsAt + 6),
      local: hasAddresses ? readEndpoint(bytes, objectAt, portsAt) : null,
      remote: hasAddresses && row.remote ? readEndpoint(bytes, remoteAt, portsAt + 2) : null,
      name: texts.path.length === 0 ? null : showName(texts.path),
      netNs: bytes.readUInt32LE(portsAt + 8),
    }
    if (isEnd) return { ...common, kind, socket, error, repeats: 0, began: act }
    const told = isBrief ? { ...common, unsure: capabilities.actorImage | capabilities.actorAncestry } : common
    return { ...told, kind, socket, error, repeats: bytes.readUInt32LE(portsAt + 12) }
  }
}

const calls = new Map([
  [1, 'connect'],
  [2, 'datagram'],
] as const)
/** frame.md, 5.19 */
const denied = {
  port: 16,
  family: 18,
  type: 19,
  protocol: 20,
  call: 21,
  rule: 22,
  table: 24,
  netNs: 28,
  repeats: 32,
  zero: 36,
  end: 48,
}

export function decodeDenied(bytes: Buffer, common: Common): Observation {
  const byte = (at: number) => bytes.readUInt8(objectAt + at)
  const word = (at: number) => bytes.readUInt32LE(objectAt + at)
  const [family, type] = [families.get(byte(denied.family)), types.get(byte(denied.type))]
  const call = calls.get(byte(denied.call) as 1 | 2)
  const table = word(denied.table)
  must(
    family !== undefined && internet.includes(family) && type !== undefined && call !== undefined && table > 0,
    'FRAME_VALUE',
    {
      ...{ family, type, call, table },
    },
  )
  mustBeZero(bytes, objectAt + denied.zero, objectAt + denied.end)
  const socket = {
    ...{ family, type, protocol: byte(denied.protocol), local: null, name: null, netNs: word(denied.netNs) },
    remote: readEndpoint(bytes, objectAt, objectAt + denied.port),
  }
  const rule = bytes.readUInt16LE(objectAt + denied.rule)
  return { ...common, kind: 'denied', call, socket, table, rule, repeats: word(denied.repeats) }
}

const mappedPrefix = '00000000000000000000ffff'

function readEndpoint(bytes: Buffer, at: number, portAt: number): Endpoint {
  const port = bytes.readUInt16LE(portAt)
  const hex = bytes.toString('hex', at, at + addressBytes)
  if (hex.startsWith(mappedPrefix)) return { address: bytes.subarray(at + 12, at + addressBytes).join('.'), port }
  const { address } = new SocketAddress({ family: 'ipv6', address: (hex.match(/..../g) ?? []).join(':') })
  return { address, port }
}

/** As ss(8) and netstat(8) write a name that is in no file system. */
function showName(bytes: Buffer): string {
  return bytes[0] === 0 ? `@${showText(bytes.subarray(1))}` : showText(bytes)
}
