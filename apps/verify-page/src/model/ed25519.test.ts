// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { verifyEd25519 } from './ed25519.ts'

const hex = (text: string) => Uint8Array.fromHex(text)
type Vector = { pub: string; msg: string; sig: string }
const file = new URL('../../../../vectors/rfc8032/ed25519.json', import.meta.url)
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vector[]

test('the vectors of RFC 8032 verify, and with one bit changed none does', () => {
  for (const { pub, msg, sig } of vectors) {
    const parts = [hex(pub), hex(msg), hex(sig)] as const
    assert.ok(verifyEd25519(...parts))
    for (const part of parts) {
      if (part.length === 0) continue
      const at = part.length >> 1
      part[at] = (part[at] as number) ^ 1
      assert.equal(verifyEd25519(...parts), false)
      part[at] = (part[at] as number) ^ 1
    }
  }
})

test('what anybody can sign, and what has another form, is refused and not thrown', () => {
  const { pub, msg, sig } = vectors[1] as Vector
  // R = the neutral element, S = 0: by the equation alone, a key of small order has signed every message so.
  const forged = hex(`01${'00'.repeat(63)}`)
  for (const y of ['00', '01', 'ec']) {
    const key = hex(y === 'ec' ? `ec${'ff'.repeat(30)}7f` : `${y}${'00'.repeat(31)}`)
    assert.equal(verifyEd25519(key, hex(msg), forged), false, y)
  }
  const order = 2n ** 252n + 27742317777372353535851937790883648493n
  const s = BigInt(`0x${hex(sig).subarray(32).toReversed().toHex()}`) + order
  const grown = hex(sig.slice(0, 64) + hex(s.toString(16).padStart(64, '0')).reverse().toHex())
  assert.equal(verifyEd25519(hex(pub), hex(msg), grown), false)
  assert.equal(verifyEd25519(hex(pub).subarray(1), hex(msg), hex(sig)), false)
  assert.equal(verifyEd25519(hex(pub), hex(msg), hex(sig).subarray(1)), false)
  assert.equal(verifyEd25519(hex(`02${'00'.repeat(31)}`), hex(msg), hex(sig)), false)
})
