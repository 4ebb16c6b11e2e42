// SPDX-License-Identifier: Apache-2.0
// Bundles as a deployment exports them, with the events of vectors/events in them.

import { readdirSync, readFileSync } from 'node:fs'
import type { JsonObject } from '@sealwatch/base'
import { draftOf, type EventBase } from '@sealwatch/contract'
import { type Ledger, type SealedTenant, sha256 } from '@sealwatch/ledger'
import { openSampleLedger, sampleHost, sealTenant, temporary } from '../../packages/ledger/test/sample.ts'

export { bundleOf, vkeys } from '../../packages/ledger/test/sample.ts'

const folder = new URL('../../vectors/events/', import.meta.url)
const events = readdirSync(folder).map((file) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as EventBase)
const isFinding = ({ class_uid }: EventBase) => class_uid === 2004
const finding = events.find(isFinding) as object as JsonObject
const acts = events.filter((event) => !isFinding(event))

/** An act of each kind in turn, a second or so apart; `more` replaces members. */
export function actAt(i: number, more: object = {}) {
  const act = { ...(acts[i % acts.length] as EventBase), ...more }
  return draftOf(act, 1_795_262_400_000_000_000n + BigInt(i) * 1_317_000_000n)
}

export type Material = AsyncDisposable & {
  readonly ledger: Ledger
  readonly sealed: SealedTenant
  /** Personal values by leaf. */
  readonly side: ReadonlyMap<number, string>
}

/** A ledger of two hosts: batches of acts, one of them quarantined, and an alert now and then. */
export async function materialOf(batches: number, actsEach: number, act = actAt): Promise<Material> {
  const dir = await temporary()
  const ledger = await openSampleLedger(dir.path)
  const root = await openSampleLedger(dir.path, 'root')
  const hosts = [sampleHost(1, 'default', act), sampleHost(2, 'default', (i) => act(i + 3))] as const
  const side = new Map<number, string>()
  for (const { key } of hosts) await ledger.append({ own: { key } })
  for (let i = 0; i < batches; i += 1) {
    const host = hosts[i % 2] as (typeof hosts)[number]
    const batch = host.batch(actsEach)
    if (i === 3) {
      const stub = { chain: host.chain, first_seq: batch.firstSeq, next_seq: host.position.nextSeq }
      await ledger.append({ own: { stub: { ...stub, reason: 'key_expired', item: sha256(batch.lines).toHex() } } })
      continue
    }
    const { first } = await ledger.append(host.verified(batch))
    for (const { seq, side: values } of batch.sealed)
      if (values !== undefined) side.set(first + seq - batch.firstSeq, values)
    if (i % 3 === 1) await ledger.append({ own: { event: finding } })
    if (i % 8 === 0) await sealTenant(ledger, root)
  }
  const sealed = await sealTenant(ledger, root)
  return {
    ledger,
    sealed,
    side,
    async [Symbol.asyncDispose]() {
      await ledger.close()
      await root.close()
      await dir.remove()
    },
  }
}
