// SPDX-License-Identifier: Apache-2.0

import { errnoMax, must } from './frame-errors.ts'
import { mustBeZero } from './frame-fields.ts'
import { showComm, showText } from './frame-text.ts'
import { type BpfObject, mountCalls, namespaceKinds } from './observation.ts'

const objectBytes = 48

/** The object of a module frame (frame.md, 5.7). */
export function readModule(bytes: Buffer, at: number) {
  const change = bytes.readUInt32LE(at)
  must(change === 1 || change === 2, 'FRAME_VALUE', { change })
  mustBeZero(bytes, at + 8, at + objectBytes)
  return { loaded: change === 1, taints: bytes.readUInt32LE(at + 4) }
}

const bpfObjects: readonly (BpfObject | null)[] = [null, 'program', 'map', 'link']

/** The object of a bpf frame (frame.md, 5.8). */
export function readBpf(bytes: Buffer, at: number) {
  const result = Number(bytes.readBigInt64LE(at))
  const [command = 0, type = 0, kind = 0, id = 0, own = 0] = [8, 12, 16, 20, 24].map((from) =>
    bytes.readUInt32LE(at + from),
  )
  const object = bpfObjects[kind]
  must(object !== undefined && own <= 1 && Number.isSafeInteger(result), 'FRAME_VALUE', { kind, own, result })
  mustBeZero(bytes, at + 28, at + 32)
  const name = showComm(bytes.subarray(at + 32, at + objectBytes))
  return { result, command, type, object, id, own: own === 1, name }
}

/** Some sysctls are keys of the kernel. */
const isSecret = (name: string) => /(_key|_secret)$/.test(name)

/** The texts of a sysctl frame (frame.md, 5.10): the values each end in a zero byte, and have the kernel's line end still. */
export function readSysctl(bytes: Buffer, at: number, name: Buffer, values: Buffer) {
  mustBeZero(bytes, at, at + objectBytes)
  const parts = showText(values).split('\0')
  must(name.length > 0 && parts.length === 3 && parts[2] === '', 'FRAME_TEXT', { values: parts.length })
  const shown = showText(name)
  const [before = '', after = ''] = parts.map((part) => (isSecret(shown) ? '[redacted]' : part.trimEnd()))
  return { name: shown, before, after }
}

const ways = ['clone', 'unshare', 'setns'] as const

/** The object of a namespaces frame (frame.md, 5.11). */
export function readNamespaces(bytes: Buffer, at: number) {
  const [how = 0, child = 0, changed = 0] = [0, 4, 8].map((from) => bytes.readUInt32LE(at + from))
  const call = ways[how - 1]
  const isKnown = changed > 0 && changed >>> namespaceKinds.length === 0
  must(call !== undefined && isKnown && (call === 'clone') === child > 0, 'FRAME_VALUE', { how, child, changed })
  mustBeZero(bytes, at + 12, at + 16)
  const entered = namespaceKinds.flatMap((kind, i) =>
    ((changed >>> i) & 1) === 1 ? [[kind, bytes.readUInt32LE(at + 16 + 4 * i)] as const] : [],
  )
  return { call, childPid: child === 0 ? null : child, entered: Object.fromEntries(entered) }
}

/** The object of a mount frame (frame.md, 5.17). */
export function readMount(object: Buffer) {
  const call = mountCalls[object.readUInt32LE(0) - 1]
  const error = object.readUInt32LE(4)
  must(call !== undefined && error <= errnoMax, 'FRAME_VALUE', { call: object[0], error })
  mustBeZero(object, 16, object.length)
  return { call, error, flags: object.readBigUInt64LE(8) }
}

const [ringSetUp, ringOpen] = [1, 2]

/** The object of a uring frame and its text (frame.md, 5.18). */
export function readUring(object: Buffer, path: string) {
  const what = object.readUInt32LE(0)
  const flags = object.readUInt32LE(4)
  must(what === ringSetUp || (what === ringOpen && flags === 0), 'FRAME_VALUE', { what, flags })
  must(what === ringOpen || path === '', 'FRAME_TEXT', { path })
  mustBeZero(object, 8, object.length)
  return { flags, path: what === ringOpen ? path : null }
}
