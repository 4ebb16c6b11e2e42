// SPDX-License-Identifier: Apache-2.0

import process from 'node:process'

const symbols = { lgetxattr: { return: 'i64', arguments: ['buffer', 'buffer', 'buffer', 'u64'] } } as const
const attribute = Buffer.from('security.capability\0')
/** A capability of version 3 has 24. */
const valueBytesMax = 64

/** Reads what setcap(8) wrote, by its value in hex; undefined for a file that has none. Node has no call for it. */
export type ReadCapabilities = (path: Buffer) => string | undefined

/** Undefined where there is no glibc, or no node:ffi. */
export function openFileCapabilities(): ReadCapabilities | undefined {
  try {
    const { functions } = process.getBuiltinModule('node:ffi').dlopen('libc.so.6', symbols)
    const value = Buffer.alloc(valueBytesMax)
    return (path) => {
      const name = Buffer.concat([path, Buffer.of(0)])
      const length = Number(functions.lgetxattr(name, attribute, value, BigInt(value.length)))
      return length > 0 ? value.toString('hex', 0, length) : undefined
    }
  } catch {
    return undefined
  }
}
