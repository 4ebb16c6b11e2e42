// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextOf, type Sent, sentText } from './sent.ts'

const sent = (action: string, state: string) =>
  ({
    manifest: {
      ...{ id: 'ff', action, state, subject: 'strict mode of the tenant acme off for 72 h' },
      proof: { threshold: 2, signatures: ['Ada', 'Bo'].map((owner, i) => ({ owner, keyid: `0${i}` })) },
    },
    added: [{ keyid: '01', ledger: { leaf_index: 7, tenant: 'cluster' } }],
  }) as unknown as Sent

test('SIG-5: what was handed in is told by the names of the signers, and what takes it by its command', () => {
  const off = sent('strict-off', 'complete')
  assert.equal(sentText(off), 'Bo: added, leaf 7 of cluster\nff is complete: 2 of 2 (Ada, Bo)\n')
  assert.match(nextOf(off.manifest), /strict mode of the tenant acme off for 72 h.*: \.\/sealwatch strict off --tenant/)
  assert.match(nextOf(sent('key-promotion', 'complete').manifest), /: \.\/sealwatch rotate promote SERVICE --id KEY\n$/)
  assert.match(nextOf(sent('rollback', 'complete').manifest), /: \.\/sealwatch manifest apply ff --file FILE\n$/)
  assert.match(nextOf(sent('strict-off', 'collecting').manifest), /let more of the signers sign/)
})
