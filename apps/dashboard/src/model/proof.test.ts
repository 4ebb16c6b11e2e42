// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalize } from '@sealwatch/base/json'
import { formatCheckpoint, leafHash, nodeHash } from '@sealwatch/ledger/verify'
import { sha256 } from '../door/sha256.ts'
import { type Detail, provenBy } from './proof.ts'

const utf8 = new TextEncoder()
const hashOf = (text: string) => leafHash(sha256, utf8.encode(text))
const line = { chain: 'c', seq: 3, time: '2026-11-21T12:00:00.000000000Z', event: { message: 'x' } }

/** A line beside another in its tenant's tree, whose head stands beside another in the root's. */
function detail(): Detail {
  const leaf = hashOf(canonicalize(line))
  const sibling = hashOf('before')
  const root = nodeHash(sha256, sibling, leaf)
  const head = canonicalize({ tenant_head: { label: 'l', origin: 'o/tenant', root: root.toHex(), size: 2 } })
  const above = hashOf('after')
  const rootOfAll = nodeHash(sha256, hashOf(head), above)
  const checkpoint = formatCheckpoint({ origin: 'o/root', size: 2, root: rootOfAll })
  const note = formatCheckpoint({ origin: 'o/tenant', size: 2, root })
  const path = [sibling.toHex()]
  return {
    leaf_index: 1,
    line,
    inclusion: {
      leaf_hash: leaf.toHex(),
      state: 'published',
      checkpoint: { size: 2, root: root.toHex(), note: `${note}\n— o/tenant AAAA\n`, path },
      published: {
        size: 2,
        root: root.toHex(),
        path,
        head: { leaf_index: 0, line: head, path: [above.toHex()] },
        root_checkpoint: { size: 2, note: `${checkpoint}\n— o/root AAAA\n` },
      },
    },
  } as unknown as Detail
}

test('a line leads to the root of its tenant, and that to the root of all', () => {
  const proven = provenBy(sha256, detail())
  assert.deepEqual([proven?.tenant.origin, proven?.tenant.steps.length], ['o/tenant', 1])
  assert.deepEqual([proven?.root?.origin, proven?.root?.index, proven?.root?.steps.length], ['o/root', 0, 1])
  const { inclusion, ...rest } = detail()
  const signed = provenBy(sha256, { ...rest, inclusion: { ...inclusion, published: null } })
  assert.deepEqual([signed?.tenant.origin, signed?.root], ['o/tenant', undefined])
  assert.equal(provenBy(sha256, { ...rest, inclusion: { ...inclusion, published: null, checkpoint: null } }), undefined)
})

/** The same with one member changed. */
function spoilt(path: readonly string[], value: unknown): Detail {
  const whole = structuredClone(detail())
  let at = whole as unknown as Record<string, Record<string, never>>
  for (const name of path.slice(0, -1)) at = at[name] as unknown as typeof at
  Object.assign(at, { [path.at(-1) ?? '']: value })
  return whole
}

test('what does not belong together is never drawn', () => {
  const published = ['inclusion', 'published']
  const other = '0'.repeat(64)
  const spoils: [string[], unknown][] = [
    [['line', 'seq'], 4],
    [['leaf_index'], 0],
    [['inclusion', 'leaf_hash'], other],
    [[...published, 'root'], other],
    [[...published, 'path'], []],
    [[...published, 'head', 'leaf_index'], 1],
    [[...published, 'head', 'line'], '{}'],
    [
      [...published, 'root_checkpoint', 'note'],
      `${formatCheckpoint({ origin: 'o/root', size: 2, root: hashOf('x') })}\n`,
    ],
  ]
  for (const [path, value] of spoils) assert.throws(() => provenBy(sha256, spoilt(path, value)), path.join('.'))
})
