// SPDX-License-Identifier: Apache-2.0
//
// Writes vectors/submission/windows.json: rows of a service and what the ledger says of their key before them (submission.md,
// 6.4). Run once for a version of the format: `node packages/ledger/test/write-window-vectors.ts`.

import { writeFile } from 'node:fs/promises'
import { sealLine } from '../src/chain/seal.ts'
import { chainStart } from '../src/verify/chain.ts'
import type { Body, RegistryChange } from '../src/verify/line.ts'
import { origins, sampleSigner } from './sample.ts'
import { sampleSubmission } from './sample-submission.ts'

const signer = sampleSigner(7)
const at = (hour: number) => `2026-11-21T${String(hour).padStart(2, '0')}:00:00.000000000Z`
const key = (change: Partial<RegistryChange> = {}): Body => ({
  registry: {
    producer: 'billing',
    producer_kind: 'service',
    key_id: 'billing-1',
    algorithm: 'ed25519',
    public_key: signer.publicKey.toHex(),
    valid_from: at(10),
    valid_until: null,
    revoked_at: null,
    state: 'active',
    source: 'api',
    change: 'added',
    changed_at: at(10),
    cause: null,
    compromised_since: null,
    ...change,
  },
})
const added = key()
const revoked = (compromised_since: string | null = null) =>
  key({ change: 'revoked', changed_at: at(14), revoked_at: at(14), cause: 'stolen', compromised_since })
const narrowed = key({ change: 'window', changed_at: at(14), valid_until: at(14) })

/** Two rows, received at an hour, judged by the last line about keys. */
const rowsAt = (hour: number, registry = 2, mark: string | null = null): readonly Body[] =>
  sampleSubmission(['{"n":1}', '{"n":2}'], signer.sign, { received_at: at(hour), registry, mark }).bodies

function ledgerOf(...lines: readonly Body[]): string[] {
  const noFile = { prev_file: null, prev_last_hash: null, prev_sequence_num: null }
  let position = chainStart
  const all = [{ anchor: { tenant: 'default', key_id: null, origin: origins.tenant, ...noFile } }, ...lines]
  return all.map((body) => {
    const { text, seq, hash } = sealLine('aa'.repeat(16), position, 1_795_262_400_000_000_000n, body)
    position = { nextSeq: seq + 1, tip: hash }
    return text
  })
}

const code = 'BUNDLE_ALTERED'
const rows = [
  { name: 'received while it was valid', leaves: ledgerOf(added, ...rowsAt(12, 1)) },
  { name: 'received in its first moment', leaves: ledgerOf(added, ...rowsAt(10, 1)) },
  { name: 'received before it', leaves: ledgerOf(added, ...rowsAt(9, 1)), code },
  { name: 'before the line that revokes it', leaves: ledgerOf(added, ...rowsAt(15, 1), revoked()) },
  { name: 'received before it was revoked, admitted behind', leaves: ledgerOf(added, revoked(), ...rowsAt(13)) },
  { name: 'received as it was revoked', leaves: ledgerOf(added, revoked(), ...rowsAt(14)), code },
  { name: 'received after it was revoked', leaves: ledgerOf(added, revoked(), ...rowsAt(15)), code },
  { name: 'received when it was stolen already', leaves: ledgerOf(added, revoked(at(12)), ...rowsAt(12)), code },
  { name: 'received before it was stolen', leaves: ledgerOf(added, revoked(at(12)), ...rowsAt(11)) },
  { name: 'received before it ended', leaves: ledgerOf(added, narrowed, ...rowsAt(13)) },
  { name: 'received as it ended', leaves: ledgerOf(added, narrowed, ...rowsAt(14)), code },
  {
    name: 'received while a later line lets it last longer',
    leaves: ledgerOf(added, narrowed, key({ change: 'window', changed_at: at(15) }), ...rowsAt(14, 3)),
  },
  { name: 'a candidate', leaves: ledgerOf(key({ state: 'candidate' }), ...rowsAt(12, 1)), code },
  {
    name: 'withdrawn',
    leaves: ledgerOf(added, key({ change: 'withdrawn', changed_at: at(14), valid_until: at(14) }), ...rowsAt(15)),
    code,
  },
  {
    name: 'after it was revoked, and marked so',
    leaves: ledgerOf(added, revoked(), ...rowsAt(15, 2, 'key_revoked')),
    unverified: true,
  },
]
const out = new URL('../../../vectors/submission/windows.json', import.meta.url).pathname
await writeFile(out, `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`)
