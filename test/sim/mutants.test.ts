// SPDX-License-Identifier: Apache-2.0
// The test of the test: each of these faults in the product is found, by one of a few seeds.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { acceptTwice, acknowledgeBeforeSync, type Mutation, mutantTree } from '../system/mutant.ts'

const seeds = [1, 2, 3, 4, 5, 6, 7, 8]
const steps = 12_000
const runMs = 90_000

type Mutant = { readonly name: string; readonly mutation: readonly Mutation[]; readonly found: RegExp }

const ledger = 'packages/ledger/src/log'
const ingest = 'apps/server/src/ingest'

/** The ledger itself would refuse what comes twice. */
const continuesAnywhere: Mutation = {
  file: `${ledger}/ledger.ts`,
  find: 'extendChain(position(item.chain), ',
  replace: 'extendChain({ nextSeq: item.firstSeq, tip: null }, ',
}

const mutants: readonly Mutant[] = [
  { name: 'an acknowledgement before the sync', mutation: acknowledgeBeforeSync, found: /lost|altered/ },
  { name: 'no de-duplication', mutation: [acceptTwice, continuesAnywhere], found: /order|doubled|CHAIN_BROKEN/ },
  {
    name: 'the rest of a torn write is not cut off',
    mutation: [
      {
        file: `${ledger}/recover.ts`,
        find: 'if (whole === lines.bytes) return state',
        replace: 'if (whole <= lines.bytes) return state',
      },
    ],
    found: /unreadable|crashed|lost|order/,
  },
  {
    name: 'zeros are not told as torn',
    mutation: [
      {
        file: 'packages/ledger/src/torn.ts',
        find: 'return newline < 0 || bytes.subarray(from, newline).includes(0)',
        replace: 'return newline < 0 && bytes.length >= from',
      },
    ],
    found: /crashed|damaged/,
  },
  {
    name: 'what a failed sync left in memory is believed',
    mutation: [{ file: `${ledger}/ledger.ts`, find: 'disk, saved?.bytes)', replace: 'disk, Number.MAX_SAFE_INTEGER)' }],
    found: /lost|unreadable|crashed|cut|rewritten|order/,
  },
  {
    name: 'lines are signed before they are durable',
    mutation: [
      {
        file: `${ledger}/ledger.ts`,
        find: 'await lines.append(parts.map(({ ndjson }) => ndjson))',
        replace: 'void lines.append(parts.map(({ ndjson }) => ndjson))',
      },
    ],
    found: /lost|cut|crashed|rewritten/,
  },
  {
    name: 'quarantined bytes are not durable when their stub is',
    mutation: [
      {
        file: `${ingest}/quarantine/quarantine.ts`,
        find: 'return { item, kept }',
        replace: 'return { item, kept: Promise.resolve() }',
      },
    ],
    found: /lost: the quarantined/,
  },
  {
    name: 'the outbox does not wait for the index',
    mutation: [{ file: `${ingest}/publish-outbox.ts`, find: '  await indexed\n', replace: '  void indexed\n' }],
    found: /doubled/,
  },
]

for (const { name, mutation, found } of mutants) {
  test(`the simulation finds: ${name}`, async (t) => {
    await using tree = await mutantTree(mutation)
    const said: string[] = []
    for (const seed of seeds) {
      const violations = await run(tree.root, seed)
      said.push(...violations)
      if (violations.some((violation) => found.test(violation)))
        return t.diagnostic(`seed ${seed}: ${violations[0]?.slice(0, 200)}`)
    }
    assert.fail(`${seeds.length} seeds found ${JSON.stringify(said)}`)
  })
}

function run(root: string, seed: number): Promise<readonly string[]> {
  const argv = ['--disable-warning=ExperimentalWarning', join(root, 'test/sim/main.ts')]
  const options = { timeout: runMs, maxBuffer: 16 * 1024 * 1024 }
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [...argv, '--seed', String(seed), '--steps', String(steps)],
      options,
      (_error, stdout) => {
        try {
          resolve((JSON.parse(stdout.slice(stdout.indexOf('{'))) as { violations: string[] }).violations)
        } catch {
          resolve([`broken: the simulation itself: ${stdout.slice(0, 200)}`])
        }
      },
    )
  })
}
