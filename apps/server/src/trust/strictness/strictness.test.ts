// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createLog, rfc3339, systemClock } from '@sealwatch/base'
import { strictOffPhrase } from '@sealwatch/contract'
import type { Body } from '@sealwatch/ledger'
import type { Authorised } from '../../access/index.ts'
import { createOutbox, openStore } from '../../store/index.ts'
import { collectError } from '../manifests/errors.ts'
import type { Approval } from '../manifests/index.ts'
import { checkStrictness } from './errors.ts'
import { openStrictness, type StrictState } from './strictness.ts'

const second = 1_000_000_000n
const by = {
  principal: { kind: 'operator', id: 'root' },
  action: 'strict:switch',
  tenant: 'acme',
  requestId: 'r1',
} as Authorised<'strict:switch'>
const forHours = (hours: number, acknowledgement: string = strictOffPhrase) => ({
  seconds: hours * 3600,
  acknowledgement,
})

type Told = {
  readonly code: string
  readonly tenant: string
  readonly unmapped: Readonly<Record<string, unknown>>
  readonly atNs: bigint
}

const switching = ['strict_off', 'strict_on', 'strict_ended']
/** SHA-256 of {"action":"strict-off","for_seconds":259200,"tenant":"acme"} */
const for72Hours = 'f907d355043130ce08f45673e7230eea60a2ebec4779fe697258b94352b13069'

/** The real store, and both clocks in hand; lines enter their ledger as long as `gate` lets them. */
function room(t: TestContext, tenants: readonly string[] = ['acme', 'globex']) {
  const time = { wall: 1_800_000_000n * second, steady: 0n }
  const stop = new AbortController()
  const ticks = { left: 0 }
  const clock = {
    ...systemClock,
    nowNs: () => time.wall,
    monotonicNs: () => time.steady,
    sleep: async () => {
      ticks.left -= 1
      if (ticks.left <= 0) stop.abort()
    },
  }
  const store = openStore(':memory:')
  t.after(() => store.close())
  const lines: Told[] = []
  const gate = { open: Promise.resolve() }
  const outbox = {
    ...createOutbox(store),
    enqueue: async (_tx: unknown, tenant: string, body: Body) => {
      const { metadata, unmapped } = (
        body as unknown as { event: { metadata: { event_code: string }; unmapped: object } }
      ).event
      lines.push({ code: metadata.event_code, tenant, unmapped: unmapped as Told['unmapped'], atNs: time.wall })
      return String(lines.length)
    },
    committed: (async (uid: string) => {
      await gate.open
      return Number(uid)
    }) as ReturnType<typeof createOutbox>['committed'],
    recorded: async (uid: string) => Number(uid),
  }
  const log = createLog(
    'test',
    () => undefined,
    () => 0,
  )
  const voice = { device: { uid: 'd', hostname: 'h', type_id: 0, type: 'Unknown', os: {} }, version: '0' } as never
  const consumed: string[] = []
  const manifests = {
    signedFor: '',
    requireManifest: async ({ digest }: { readonly digest: string }, attempted: string) => {
      if (digest !== manifests.signedFor) throw collectError('MANIFEST_REQUIRED', { attempted })
      const details = { manifest: 'm1', manifest_action: 'strict-off', manifest_digest: digest }
      return { details, consume: async () => void consumed.push(digest) } as unknown as Approval
    },
  }
  const open = (acknowledgement?: string) =>
    openStrictness({
      store,
      outbox,
      voice,
      clock,
      log,
      manifests,
      acknowledgement,
      tenants: () => tenants,
      sizeOf: () => 7,
      acknowledged: async (digest) => {
        const first = lines.find(({ unmapped }) => unmapped.acknowledgement_sha256 === digest)
        return first && { digest, expiresAt: String(first.unmapped.expires_at), waitsAs: undefined }
      },
      switchesSince: async (of, since) =>
        lines
          .filter(({ code, tenant, atNs }) => switching.includes(code) && tenant === of && rfc3339(atNs) >= since)
          .map(({ code, unmapped: details, atNs }) => ({ atNs, act: { code, by: '', details } })),
    })
  /** The follower's turns. */
  const turn = async (it: Awaited<ReturnType<typeof open>>, count = 1) => {
    ticks.left = count
    await it.run({
      get aborted() {
        return ticks.left <= 0
      },
    } as AbortSignal)
  }
  const pass = (seconds: number) => {
    time.wall += BigInt(seconds) * second
    time.steady += BigInt(seconds) * second
  }
  const codes = () => lines.map(({ code, tenant }) => `${code} ${tenant}`)
  return { open, turn, pass, time, gate, lines, codes, manifests, consumed, store }
}

test('ING-3 switched off by the phrase, for a time, in one tenant; it ends by itself, and each switch is a line', async (t) => {
  const it = room(t)
  const strictness = await it.open()
  await assert.rejects(strictness.switchOff(by, forHours(2, 'yes')), { code: 'STRICT_ACKNOWLEDGEMENT' })
  assert.equal(strictness.isStrict('acme'), true)
  await strictness.switchOff(by, forHours(2))
  assert.deepEqual([strictness.isStrict('acme'), strictness.isStrict('globex')], [false, true])
  assert.deepEqual(strictness.off(), [
    {
      tenant: 'acme',
      strict: false,
      since: '2027-01-15T08:00:00.000000000Z',
      by: 'operator:root',
      endsAt: '2027-01-15T10:00:00.000000000Z',
      manifest: null,
      fromLeaf: 7,
    },
  ])
  it.pass(7199)
  await it.turn(strictness)
  assert.equal(strictness.isStrict('acme'), false)
  it.pass(1)
  assert.equal(strictness.isStrict('acme'), true, 'before anybody has written so')
  await it.turn(strictness)
  await it.turn(strictness)
  assert.deepEqual(it.codes(), ['strict_off_refused acme', 'strict_off acme', 'strict_ended acme'])
  assert.equal(it.lines[0]?.unmapped.denied_code, 'STRICT_ACKNOWLEDGEMENT')
  assert.equal(it.lines[1]?.unmapped.expires_at, '2027-01-15T10:00:00.000000000Z')
})

test('ING-3 that signatures are not enforced counts once its line is in the ledger, that they are again at once', async (t) => {
  const it = room(t)
  const strictness = await it.open()
  const written = Promise.withResolvers<void>()
  it.gate.open = written.promise
  const switching = strictness.switchOff(by, forHours(2))
  while (it.lines.length === 0) await new Promise(setImmediate)
  assert.equal(strictness.isStrict('acme'), true)
  await strictness.switchOn(by)
  written.resolve()
  await switching
  assert.equal(strictness.isStrict('acme'), true, 'given back before it counted')
  await strictness.switchOff(by, forHours(2))
  assert.equal(strictness.isStrict('acme'), false)
  await strictness.switchOn(by)
  assert.equal(strictness.isStrict('acme'), true)
  assert.equal((await it.open()).isStrict('acme'), true)
})

test('ING-3 off survives a restart, and no clock that is set back prolongs it', async (t) => {
  const it = room(t)
  const first = await it.open()
  await first.switchOff(by, forHours(2))
  it.pass(3600)
  await it.turn(first)
  const again = await it.open()
  assert.equal(again.isStrict('acme'), false)
  // An hour is left. The clock is set back by a day, in this process and before the next one.
  it.time.wall -= 86_400n * second
  it.pass(3599)
  assert.equal(again.isStrict('acme'), false)
  await it.turn(again)
  const third = await it.open()
  assert.equal(third.isStrict('acme'), false)
  it.pass(1)
  assert.deepEqual([again.isStrict('acme'), third.isStrict('acme')], [true, true])
  await it.turn(third)
  assert.equal((await it.open()).isStrict('acme'), true)
  // A clock that is set ahead ends it.
  await third.switchOff(by, forHours(2))
  it.time.wall += 86_400n * second
  assert.equal(third.isStrict('acme'), true)
})

test('SIG-5 for longer than 24 hours it takes a manifest for just that, which is used up with it', async (t) => {
  const it = room(t)
  const strictness = await it.open()
  await assert.rejects(strictness.switchOff(by, forHours(25)), { code: 'MANIFEST_REQUIRED' })
  assert.deepEqual(it.codes(), ['strict_off_refused acme'])
  it.manifests.signedFor = for72Hours
  await assert.rejects(strictness.switchOff(by, forHours(73)), { code: 'MANIFEST_REQUIRED' })
  await strictness.switchOff(by, forHours(72))
  assert.deepEqual(it.consumed, [it.manifests.signedFor])
  const state = strictness.of('acme')
  assert.deepEqual(!state.strict && [state.manifest, state.endsAt], ['m1', '2027-01-18T08:00:00.000000000Z'])
  assert.equal(it.lines.at(-1)?.unmapped.manifest, 'm1')
  it.pass(72 * 3600)
  assert.equal(strictness.isStrict('acme'), true)
})

test('SIG-5 whoever says it again while it is off says it for 24 hours since the first time, or less than was said', async (t) => {
  const it = room(t)
  const strictness = await it.open()
  const sinceOf = (state: StrictState) => !state.strict && [state.since, state.endsAt]
  await strictness.switchOff(by, forHours(20))
  const [since] = sinceOf(strictness.of('acme')) || []
  it.pass(12 * 3600)
  await assert.rejects(strictness.switchOff(by, forHours(13)), { code: 'STRICT_OFF_SPENT' })
  await strictness.switchOff(by, forHours(12))
  assert.deepEqual(sinceOf(strictness.of('acme')), [since, '2027-01-16T08:00:00.000000000Z'])
  it.manifests.signedFor = for72Hours
  await strictness.switchOff(by, forHours(72))
  it.pass(30 * 3600)
  // Less than was agreed to is nobody's to agree to, and no time that nobody agreed to.
  await (await it.open()).switchOff(by, forHours(1))
  it.pass(3600)
  const again = await it.open()
  assert.equal(again.isStrict('acme'), true)
  await assert.rejects(again.switchOff(by, forHours(13)), { code: 'STRICT_OFF_SPENT' })
  await again.switchOff(by, forHours(12))
})

test('SIG-5 switched on and off again it is off for 24 hours of any seven days, whoever says so, unless people signed for more', async (t) => {
  const it = room(t)
  const strictness = await it.open()
  const says = (advice: RegExp, received: RegExp) => ({ code: 'STRICT_OFF_SPENT', advice, received })
  for (let times = 0; times < 4; times++) {
    await strictness.switchOff(by, forHours(6))
    it.pass(5 * 3600)
    await strictness.switchOn(by)
    it.pass(19 * 3600)
  }
  await assert.rejects(
    strictness.switchOff(by, forHours(5)),
    says(/--for 240m .*--tenant acme --hours 5/, /^"20 h 0 min of the last 7 days, and 5 h 0 min more"$/),
  )
  assert.equal(it.lines.at(-1)?.unmapped.denied_code, 'STRICT_OFF_SPENT')
  assert.equal(strictness.isStrict('acme'), true)
  // It ends by itself.
  await strictness.switchOff(by, forHours(4))
  it.pass(4 * 3600)
  await it.turn(strictness)
  const again = await it.open()
  await assert.rejects(again.switchOff(by, { ...forHours(0), seconds: 60 }), says(/^Have enough people/, /24 h 0 min/))
  const elsewhere = { ...by, tenant: 'globex' } as typeof by
  await again.switchOff(elsewhere, forHours(24))
  it.manifests.signedFor = for72Hours
  await again.switchOff(by, forHours(72))
  it.pass(72 * 3600)
  // What people signed for is not counted, and what is older than seven days neither: two of the six hours are left.
  it.pass(2 * 3600 - 4 * 3600)
  await assert.rejects(again.switchOff(by, forHours(4)), { code: 'STRICT_OFF_SPENT' })
  it.pass(86_400)
  await again.switchOff(by, forHours(5))
})

test('ING-3 as the server is configured: every tenant that nobody switched, a line each, until a day is over; no start renews it', async (t) => {
  const tenants = ['acme', 'globex']
  const it = room(t, tenants)
  const endsAt = '2027-01-16T08:00:00.000000000Z'
  const loose = await it.open(strictOffPhrase)
  assert.equal(loose.isStrict('acme'), true, 'before its line')
  await it.turn(loose, 2)
  assert.deepEqual([loose.isStrict('acme'), loose.isStrict('globex')], [false, false])
  await loose.switchOn(by)
  it.pass(23 * 3600)
  await it.turn(loose)
  // Started anew, and once more by a clock that was set back: an hour is left, for a tenant of now as for the others.
  await it.open(strictOffPhrase)
  it.time.wall -= 86_400n * second
  tenants.push('initech')
  const again = await it.open(strictOffPhrase)
  await it.turn(again)
  assert.deepEqual(
    again.off().map((one) => [one.tenant, !one.strict && one.endsAt]),
    [
      ['globex', endsAt],
      ['initech', endsAt],
    ],
    'what people say stands',
  )
  it.pass(3600)
  assert.deepEqual(again.off(), [])
  await it.turn(again)
  const over = await it.open(strictOffPhrase)
  await it.turn(over, 2)
  assert.deepEqual(over.off(), [], 'the same acknowledgement is used up')
  it.pass(60)
  const anew = await it.open(`${strictOffPhrase}, 2027-01-16`)
  await it.turn(anew)
  assert.deepEqual(
    tenants.map((tenant) => anew.isStrict(tenant)),
    [true, false, false],
  )
  const strict = await it.open()
  assert.equal(strict.isStrict('globex'), true)
  await it.turn(strict)
  await it.turn(await it.open())
  const [two, three] = [
    ['globex', 'initech'],
    ['acme', 'globex'],
  ]
  assert.deepEqual(it.codes(), [
    'strict_acknowledged cluster',
    ...three.map((tenant) => `strict_off ${tenant}`),
    'strict_on acme',
    'strict_off initech',
    ...two.map((tenant) => `strict_ended ${tenant}`),
    'strict_acknowledged cluster',
    ...['strict_off', 'strict_on'].flatMap((code) => two.map((tenant) => `${code} ${tenant}`)),
  ])
})

test('ING-3 what the server is configured to be counts once the line about its acknowledgement is in the ledger', async (t) => {
  const it = room(t, ['acme'])
  const opening = Promise.withResolvers<void>()
  it.gate.open = opening.promise
  const loose = await it.open(`${strictOffPhrase}, Ada Admin`)
  await it.turn(loose, 2)
  assert.deepEqual(it.codes(), ['strict_acknowledged cluster'])
  assert.deepEqual(it.lines[0]?.unmapped, {
    request_id: 'start',
    // printf %s 'I accept rows that nobody has verified, Ada Admin' | sha256sum
    acknowledgement_sha256: 'e917ab18ca0868c49b45652ac5bbbca2f11d22580724b659a4d58a06271ae1f5',
    expires_at: '2027-01-16T08:00:00.000000000Z',
  })
  opening.resolve()
  await it.turn(loose, 2)
  assert.deepEqual([it.codes().at(-1), loose.isStrict('acme')], ['strict_off acme', false])
})

test('ING-3 what an earlier version switched off by configuration, without an end, counts no more', async (t) => {
  const it = room(t, ['acme'])
  await it.turn(await it.open(strictOffPhrase))
  await it.store.transaction((tx) =>
    tx.updateTable('strict_modes').set({ ends_at: null }).where('tenant', '=', 'acme').execute(),
  )
  const strict = await it.open()
  assert.equal(strict.isStrict('acme'), true)
  await it.turn(strict)
  assert.deepEqual(it.codes(), ['strict_acknowledged cluster', 'strict_off acme', 'strict_on acme'])
})

test('ING-3 STRICT_SIGNATURES=false without its acknowledgement does not start, and says what to set', () => {
  for (const strictSignaturesAcknowledgement of ['', 'yes', strictOffPhrase.toUpperCase(), `${strictOffPhrase} not`])
    assert.throws(() => checkStrictness({ strictSignatures: 'false', strictSignaturesAcknowledgement }), {
      code: 'STRICT_UNACKNOWLEDGED',
      advice: new RegExp(`STRICT_SIGNATURES_ACKNOWLEDGEMENT='${strictOffPhrase}, DATE'`),
    })
  for (const said of [strictOffPhrase, `${strictOffPhrase}, 2027-01-15`])
    checkStrictness({ strictSignatures: 'false', strictSignaturesAcknowledgement: said })
  checkStrictness({ strictSignatures: 'true', strictSignaturesAcknowledgement: '' })
})
