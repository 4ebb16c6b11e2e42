// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLog, systemClock } from '@sealwatch/base'
import { policyExamples } from '@sealwatch/contract/policy'
import fc from 'fast-check'
import { checkPolicy } from './check-policy.ts'
import { checkLimits, type PolicyChecks, preparePolicyChecks } from './checks.ts'

const vectors = join(import.meta.dirname, '../../../../../vectors/policies')
const nowMs = Date.UTC(2026, 10, 21)
const odd = new URL('./test/odd-thread.ts', import.meta.url)
const onThread = { ...checkLimits, inPlaceUnitsMax: 0 }

async function prepared(limits: Partial<Record<keyof typeof onThread, number>> = {}, entry?: URL) {
  const told: string[] = []
  const log = createLog('test', (line) => told.push(line), systemClock.nowMs)
  const options = { clock: systemClock, log, limits: { ...onThread, ...limits } }
  return { told, checks: await preparePolicyChecks(entry === undefined ? options : { ...options, entry }) }
}

const tell = (checks: PolicyChecks, text: string, tenant = 'acme') =>
  checks.check(tenant, { text, isValue: false, nowMs }) as Promise<unknown>

test('POL-2 the thread finds what is found in place, of every example, of each as it may be spoilt, as text and as value', async () => {
  const { checks, told } = await prepared()
  await using _end = checks
  const texts = ['good', 'bad'].flatMap((folder) =>
    readdirSync(join(vectors, folder)).map((name) => readFileSync(join(vectors, folder, name), 'utf8')),
  )
  const examples = [...texts, ...Object.values(policyExamples).map((example) => JSON.stringify(example))]
  const judged = async (text: string, isValue: boolean) =>
    assert.deepEqual(await checks.check('acme', { text, isValue, nowMs }), checkPolicy({ text, isValue, nowMs }))
  for (const text of examples) await judged(text, false)
  const spoilt = fc.tuple(fc.constantFrom(...examples), fc.nat(), fc.nat(8), fc.string({ maxLength: 4 }))
  await fc.assert(
    fc.asyncProperty(spoilt, async ([text, place, length, other]) => {
      const at = place % text.length
      const bent = text.slice(0, at) + other + text.slice(at + length)
      await judged(bent, false)
      try {
        JSON.parse(bent)
      } catch {
        return
      }
      await judged(bent, true)
    }),
    { seed: 1, numRuns: 500 },
  )
  assert.deepEqual(told, [])
})

test('what names no list and is short is checked in place; a list, however its name is written, is not', async () => {
  const { checks } = await prepared({ inPlaceUnitsMax: 100 }, odd)
  await using _end = checks
  const inPlace = await checks.check('acme', { text: '{}', isValue: false, nowMs })
  assert.deepEqual(inPlace, checkPolicy({ text: '{}', isValue: false, nowMs }))
  for (const text of ['"@all"', '"\\u0040all"', 'x'.repeat(101)]) assert.equal(await tell(checks, text), text)
})

test('what takes too long ends with its thread, and the next is checked by another', async () => {
  const { checks, told } = await prepared({ deadlineMs: 1_000 }, odd)
  await using _end = checks
  const slow = tell(checks, 'loop')
  const next = tell(checks, 'hello', 'zeta')
  await assert.rejects(slow, { code: 'POLICY_CHECK_TOO_LONG', kind: 'invalid' })
  assert.equal(await next, 'hello')
  assert.equal(told.length, 1)
})

test('a thread that dies loses no request, and is tried twice at most; nor does one that dies while nobody asks', async () => {
  const { checks } = await prepared({}, odd)
  await using _end = checks
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-checks-'))
  try {
    const once = `die-once ${join(dir, 'died')}`
    const both = [tell(checks, once), tell(checks, 'hello', 'zeta')]
    assert.deepEqual(await Promise.all(both), [once, 'hello'])
    for (const what of ['die', 'throw', 'fill']) {
      const [dead, alive] = [tell(checks, what), tell(checks, 'hello', 'zeta')]
      await assert.rejects(dead, { code: 'POLICY_CHECK_FAILED', kind: 'unavailable' }, what)
      assert.equal(await alive, 'hello')
    }
    assert.equal(await tell(checks, 'answer-and-die'), 'answer-and-die')
    assert.equal(await tell(checks, 'hello'), 'hello')
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test('a tenant has one that waits, all have so many, and the end of the server ends them all', async () => {
  const { checks } = await prepared({ waitingMax: 3 }, odd)
  const ended = (text: string, tenant: string) =>
    assert.rejects(tell(checks, text, tenant), { code: 'POLICY_CHECK_FAILED', kind: 'unavailable' })
  const busy = { code: 'POLICY_CHECKS_BUSY', kind: 'exhausted', waitMs: 1_000 }
  const all = [ended('loop', 'acme'), ended('hello', 'acme')]
  await assert.rejects(tell(checks, 'hello', 'acme'), busy)
  all.push(ended('hello', 'beta'), ended('hello', 'zeta'))
  await assert.rejects(tell(checks, 'hello', 'other'), busy)
  await checks[Symbol.asyncDispose]()
  await Promise.all(all)
  await ended('hello', 'acme')
})
