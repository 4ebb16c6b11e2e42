// SPDX-License-Identifier: Apache-2.0

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { canonicalize, rfc3339, systemClock } from '@sealwatch/base'
import type { SignedRows } from '@sealwatch/contract'
import { sha256 } from '@sealwatch/ledger'
import {
  addRows,
  createForwarder,
  httpSender,
  keySigner,
  type Sender,
  sqliteOutbox,
  sqliteOutboxTables,
} from '@sealwatch/producer'
import type { DecoyOrder, LeakedKey, SentSubmission } from '../decoy-protocol.ts'

export type PublicKey = { readonly keyId: string; readonly publicKey: string }
export type Decoy = {
  key(): PublicKey
  /** Signs with another key from now on. Its public half is told to whoever asks, and is sent to nobody. */
  rotate(): PublicKey
  leak(): LeakedKey
  /** Returns the file. */
  save(): string
  /** Resolves when all of them are taken. Rejects where one is refused for good. */
  send(rows: number): Promise<readonly SentSubmission[]>
}

const pollMs = 20

export function startDecoy({ url, ca, token, dir, leaked }: Extract<DecoyOrder, { order: 'start' }>): Decoy {
  const path = join(dir, 'decoy.sqlite')
  const database = new DatabaseSync(path)
  database.exec(sqliteOutboxTables)
  const outbox = sqliteOutbox(new DatabaseSync(path, { timeout: 5000 }))
  const deliver = httpSender({ url, token: () => token, ...(ca !== undefined && { ca }) })
  const name = randomUUID().slice(0, 8)
  /** By id: what is said last of a submission holds. */
  const sent = new Map<string, SentSubmission>()
  let keys = 0
  let rows = 0
  let key = leaked === undefined ? newKey() : { keyId: leaked.keyId, privateKey: createPrivateKey(leaked.privateKey) }

  function newKey(): { readonly keyId: string; readonly privateKey: KeyObject } {
    keys += 1
    return { keyId: `drill-${name}-${keys}`, privateKey: generateKeyPairSync('ed25519').privateKey }
  }

  const shown = (): PublicKey => ({
    keyId: key.keyId,
    publicKey: createPublicKey(key.privateKey).export({ type: 'spki', format: 'pem' }) as string,
  })

  const send: Sender = async (submissions, signal) => {
    const outcomes = await deliver(submissions, signal)
    const told_at = rfc3339(systemClock.nowNs())
    for (const [i, outcome] of outcomes.entries()) {
      const detail =
        outcome.kind === 'quarantined' ? outcome.reason : outcome.kind === 'refused' ? outcome.code : 'in the ledger'
      const one = told(submissions[i] as SignedRows)
      sent.set(one.id, { ...one, outcome: outcome.kind, detail, told_at })
    }
    return outcomes
  }

  return {
    key: shown,
    rotate: () => {
      key = newKey()
      return shown()
    },
    leak: () => ({ keyId: key.keyId, privateKey: pemOf(key) }),
    save: () => {
      const file = join(dir, `${key.keyId}.pem`)
      writeFileSync(file, pemOf(key), { mode: 0o600 })
      return file
    },
    send: async (count) => {
      sent.clear()
      addRows(
        database,
        Array.from({ length: count }, (_, i) => JSON.stringify({ drill: name, n: rows + i })),
      )
      rows += count
      const over = new AbortController()
      // What fails for now it tries again by itself.
      const running = createForwarder({ outbox, signer: keySigner(key.keyId, key.privateKey), send }).run(over.signal)
      while ((await outbox.depth()).rows > 0) await systemClock.sleep(pollMs)
      over.abort()
      await running
      const [parked] = await outbox.parked(1)
      if (parked !== undefined) throw new Error(`a submission was refused for good: ${parked.reason}`)
      return [...sent.values()]
    },
  }
}

const pemOf = ({ privateKey }: { readonly privateKey: KeyObject }) =>
  privateKey.export({ type: 'pkcs8', format: 'pem' }) as string

function told({ id, form, payload, payloadType, keyId, algorithm, signature }: SignedRows) {
  const kept = canonicalize({
    id,
    form,
    payload: payload.toBase64(),
    payload_type: payloadType,
    key_id: keyId,
    algorithm,
    signature: signature.toBase64(),
  })
  const lines = payload.filter((byte) => byte === 0x0a).length
  const item = sha256(Buffer.from(kept)).toHex()
  return { id, key_id: keyId, rows: Math.max(1, lines), digest: sha256(payload).toHex(), item }
}
