// SPDX-License-Identifier: Apache-2.0

import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { httpSender, keySigner, signRows } from '@sealwatch/producer'
import type { TestServer } from '../api/server.ts'

export type Service = {
  /** Signs them as by this key, known or not, and sends them. `altered`: on their way they become others. */
  send(keyId: string, rows: readonly string[], how?: { readonly altered?: boolean }): Promise<void>
  /** From the beginning of time on. */
  register(keyId: string): Promise<void>
}

const forever = new AbortController().signal

/** A service of `default` that sends what the shipped client signs. */
export async function startService(server: TestServer, producer: string): Promise<Service> {
  const root = server.root('default')
  await root.call('addProducer', { body: { producer } })
  const { token } = await root.call('createToken', {
    body: { name: producer, ttl_seconds: 86_400, actions: ['rows:write'], service: producer },
  })
  const send = httpSender({ url: server.url, token: () => token })
  const pairs = new Map<string, { publicKey: KeyObject; privateKey: KeyObject }>()
  const pairOf = (keyId: string) => {
    const pair = pairs.get(keyId) ?? generateKeyPairSync('ed25519')
    pairs.set(keyId, pair)
    return pair
  }
  return {
    send: async (keyId, rows, { altered = false } = {}) => {
      const signed = await signRows(keySigner(keyId, pairOf(keyId).privateKey), rows)
      await send(
        [
          altered
            ? { ...signed, payload: Buffer.from(signed.payload).map((byte) => (byte === 0x31 ? 0x32 : byte)) }
            : signed,
        ],
        forever,
      )
    },
    register: async (keyId) => {
      const public_key = pairOf(keyId).publicKey.export({ type: 'spki', format: 'pem' }) as string
      const body = { key_id: keyId, algorithm: 'ed25519' as const, public_key, valid_from: '2026-01-01T00:00:00Z' }
      await root.call('addSigningKey', { params: { producer }, body })
    },
  }
}
