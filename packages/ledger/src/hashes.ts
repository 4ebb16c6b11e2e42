// SPDX-License-Identifier: Apache-2.0

import { hash } from 'node:crypto'
import { dlopen } from 'node:ffi'
import { fileURLToPath } from 'node:url'
import type { ManyHashes } from './verify/merkle.ts'

const functions = {
  leaf_hashes: { return: 'void', arguments: ['buffer', 'buffer', 'u32', 'buffer'] },
  node_hashes: { return: 'void', arguments: ['buffer', 'u32', 'buffer'] },
  chain_hashes: { return: 'void', arguments: ['buffer', 'buffer', 'u32', 'buffer'] },
} as const
const library = fileURLToPath(new URL('../build/hashes.so', import.meta.url))
const hashBytes = 32

/**
 * Hashes many pieces in one call of native code (native/hashes.c), which costs a third of a call each. Undefined where
 * that was not built, or does not fit the process: what is to be hashed is then hashed one by one, with the same result.
 */
export function openManyHashes(path = library): ManyHashes | undefined {
  try {
    const many = checked(dlopen(path, functions).functions)
    return isRight(many) ? many : undefined
  } catch {
    return undefined
  }
}

/** Native code believes what it is told: so nothing leaves here that points outside what was handed in. */
function checked(native: ReturnType<typeof dlopen<typeof functions>>['functions']): ManyHashes {
  return {
    leaves(bytes, places, count, into) {
      checkRoom(places.length >= 2 * count && into.length >= hashBytes * count)
      for (let i = 0; i < 2 * count; i += 2) checkPlace(places[i] as number, places[i + 1] as number, bytes.length)
      native.leaf_hashes(bytes, places, count, into)
    },
    nodes(pairs, count, into) {
      checkRoom(pairs.length >= 2 * hashBytes * count && into.length >= hashBytes * count)
      native.node_hashes(pairs, count, into)
    },
    chain(bytes, places, count, tip) {
      checkRoom(places.length >= 3 * count && tip.length >= hashBytes)
      for (let i = 0; i < 3 * count; i += 3) {
        const [from, to, prev] = [places[i] as number, places[i + 1] as number, places[i + 2] as number]
        checkPlace(from, to, bytes.length)
        checkPlace(prev, prev + 2 * hashBytes, to)
      }
      native.chain_hashes(bytes, places, count, tip)
    },
  }
}

function checkRoom(isEnough: boolean): void {
  if (!isEnough) throw new RangeError('less room than there are hashes')
}

function checkPlace(from: number, to: number, length: number): void {
  if (from > to || to > length) throw new RangeError(`a piece from ${from} to ${to} of ${length} bytes`)
}

function isRight(many: ManyHashes): boolean {
  const bytes = Buffer.from('a line of a ledger, and the two hashes of its parts, which take sixty-four digits')
  const hashes = new Uint8Array(2 * hashBytes)
  many.leaves(bytes, Uint32Array.of(0, 6, 7, bytes.length), 2, hashes)
  const node = new Uint8Array(hashBytes)
  many.nodes(hashes, 1, node)
  const due = (...parts: Uint8Array[]) => hash('sha256', Buffer.concat(parts), 'hex')
  return (
    due(Buffer.of(0), bytes.subarray(0, 6)) === hashes.subarray(0, hashBytes).toHex() &&
    due(Buffer.of(0), bytes.subarray(7)) === hashes.subarray(hashBytes).toHex() &&
    due(Buffer.of(1), hashes) === node.toHex()
  )
}
