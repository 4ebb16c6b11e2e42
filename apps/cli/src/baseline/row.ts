// SPDX-License-Identifier: Apache-2.0

import { isUtf8 } from 'node:buffer'
import { canonicalize, type Json, type JsonObject } from '@sealwatch/base/json'

/** What a baseline says of one name (docs/formats/baseline.md, 2). Members that do not apply are left out. */
export type Row = {
  /** As Linux has it: bytes. */
  readonly path: Buffer
  readonly facts: Facts
}

export const kinds = ['file', 'directory', 'symlink', 'fifo', 'socket', 'character', 'block'] as const
export type Kind = (typeof kinds)[number]

export type Facts = {
  readonly kind: Kind
  /** Four octal digits: set-user-id and its like are in it. */
  readonly mode: string
  readonly uid: number
  readonly gid: number
  /** Of files: bytes, nanoseconds since 1970 in decimal, and the digest in hex. */
  readonly size?: number
  readonly mtime_ns?: string
  readonly sha256?: string
  /** Of files that have any: the value of the attribute security.capability, in hex. */
  readonly capabilities?: string
  /** Of symbolic links, in hex where it is not UTF-8. */
  readonly target?: string
  readonly target_hex?: string
  /** Of devices: major:minor. */
  readonly device?: string
  /** In the place of a digest, a target or what a directory holds: why nobody could read it. */
  readonly unread?: string
}

const factForms: { readonly [F in keyof Required<Facts>]: (value: Json) => boolean } = {
  kind: (value) => (kinds as readonly Json[]).includes(value),
  mode: (value) => isText(value, /^[0-7]{4}$/),
  uid: isCount,
  gid: isCount,
  size: isCount,
  mtime_ns: (value) => isText(value, /^-?\d{1,20}$/),
  sha256: (value) => isText(value, /^[0-9a-f]{64}$/),
  capabilities: (value) => isText(value, /^(?:[0-9a-f]{2}){1,64}$/),
  target: (value) => typeof value === 'string' && value.length <= pathBytesMax,
  target_hex: (value) => isText(value, /^(?:[0-9a-f]{2}){1,4096}$/),
  device: (value) => isText(value, /^\d{1,10}:\d{1,10}$/),
  unread: (value) => isText(value, /^[A-Za-z ]{1,40}$/),
}
const pathBytesMax = 4096

/** The most that a line of ours can be long. */
export const rowCharsMax = 32 * 1024

/** Names that are UTF-8 stand as text, others in hex. */
const named = (name: string, bytes: Buffer): JsonObject =>
  isUtf8(bytes) ? { [name]: bytes.toString() } : { [`${name}_hex`]: bytes.toString('hex') }

export const targetOf = (bytes: Buffer): Pick<Facts, 'target' | 'target_hex'> => named('target', bytes)

export const formatRow = ({ path, facts }: Row): string => canonicalize({ ...named('path', path), ...facts })

/** Undefined for whatever is not a row as `formatRow` writes it. */
export function parseRow(line: string): Row | undefined {
  let value: Json
  try {
    value = JSON.parse(line) as Json
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const { path, path_hex, ...facts } = value as JsonObject
  const bytes =
    typeof path === 'string' ? Buffer.from(path) : isText(path_hex, /^(?:[0-9a-f]{2}){1,4096}$/) && fromHex(path_hex)
  if (!bytes || bytes.length > pathBytesMax || bytes[0] !== slash) return undefined
  const isFormed = Object.entries(facts).every(
    ([name, fact]) => Object.hasOwn(factForms, name) && factForms[name as keyof Facts](fact),
  )
  const row = { path: bytes, facts: facts as unknown as Facts }
  const isWhole = (['kind', 'mode', 'uid', 'gid'] as const).every((name) => name in facts)
  return isFormed && isWhole && formatRow(row) === line ? row : undefined
}

/** The order of a walk: a directory, then all below it, then its next neighbour. */
export function comparePaths(one: Buffer, other: Buffer): number {
  const length = Math.min(one.length, other.length)
  for (let at = 0; at < length; at += 1) {
    const difference = rank(one[at]) - rank(other[at])
    if (difference !== 0) return difference
  }
  return one.length - other.length
}

const slash = 0x2f
const rank = (byte: number | undefined) => (byte === slash ? 0 : (byte ?? 0))

const fromHex = (text: string) => Buffer.from(text, 'hex')
function isText(value: Json | undefined, form: RegExp): value is string {
  return typeof value === 'string' && form.test(value)
}
function isCount(value: Json): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
