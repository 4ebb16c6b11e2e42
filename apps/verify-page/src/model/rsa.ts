// SPDX-License-Identifier: Apache-2.0

import type { VerifyRsa } from '@sealwatch/ledger/verify'

/** RSASSA-PKCS1-v1_5 with SHA-256, by the browser: it answers later, and whoever asks goes on. */
export type RsaChecks = {
  /** Undefined where the browser has no WebCrypto, as on a page that came over plain HTTP: then nobody can tell. */
  readonly verify: VerifyRsa | undefined
  /** Resolves when few are under way: what waits is held in memory. */
  room(): Promise<void>
  /** What the first signature belongs to that does not hold, by the name it was asked under; undefined: all hold. */
  settled(): Promise<number | undefined>
}

const keysMax = 1000
const underWayMax = 256
const bits = { min: 2048, max: 8192 } as const
const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } as const

/** `nameOf`: of what is asked now. A signature is taken to hold until `settled` says otherwise. */
export function createRsaChecks(nameOf: () => number, crypto: Pick<Crypto, 'subtle'> = globalThis.crypto): RsaChecks {
  const subtle = crypto.subtle as SubtleCrypto | undefined
  const keys = new Map<string, Promise<CryptoKey | undefined>>()
  const underWay = new Set<Promise<void>>()
  let wrong: number | undefined

  function keyOf(spki: Uint8Array): Promise<CryptoKey | undefined> {
    const name = spki.toHex()
    const known = keys.get(name)
    if (known !== undefined) return known
    if (keys.size >= keysMax) keys.clear()
    const key = importKey(subtle as SubtleCrypto, spki)
    keys.set(name, key)
    return key
  }

  async function check(name: number, spki: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<void> {
    const key = await keyOf(spki)
    const holds = key !== undefined && (await subtle?.verify(algorithm, key, signature.slice(), message.slice()))
    if (holds !== true && (wrong === undefined || name < wrong)) wrong = name
  }

  const all = async () => void (await Promise.all(underWay))
  return {
    verify:
      subtle === undefined
        ? undefined
        : (...asked) => {
            const checked = check(nameOf(), ...asked).finally(() => underWay.delete(checked))
            underWay.add(checked)
            return true
          },
    room: async () => {
      if (underWay.size >= underWayMax) await all()
    },
    settled: async () => {
      await all()
      return wrong
    },
  }
}

/** Undefined: no key that the registry takes (line.md, 5.4). */
async function importKey(subtle: SubtleCrypto, spki: Uint8Array): Promise<CryptoKey | undefined> {
  try {
    const key = await subtle.importKey('spki', spki.slice(), algorithm, false, ['verify'])
    const { modulusLength = 0 } = key.algorithm as { readonly modulusLength?: number }
    return modulusLength >= bits.min && modulusLength <= bits.max ? key : undefined
  } catch {
    return undefined
  }
}
