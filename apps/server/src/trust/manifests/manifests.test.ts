// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Clock, createLog, rfc3339, systemClock } from '@sealwatch/base'
import type { Health } from '@sealwatch/base/health'
import { digestOfChange, type Manifest, manifestCrypto } from '@sealwatch/keys'
import { makeTestKey, rootOf, signedManifest, signedRoot, type TestKey } from '@sealwatch/keys/test/manifest-keys'
import type { Body } from '@sealwatch/ledger'
import type { Action, Authorised } from '../../access/index.ts'
import { createOutbox, openStore } from '../../store/index.ts'
import { addTrustRootHealth } from './add-health.ts'
import { createManifests } from './manifests.ts'
import { openTrustRoots } from './trust-roots.ts'

const keys = (['ed25519', 'rsa-sha256', 'ed25519', 'rsa-sha256', 'ed25519', 'ed25519'] as const).map(makeTestKey)
const five = keys.slice(0, 5)
const stranger = keys[5] as TestKey
const deployment = 'sealwatch-00c0ffee'
const dayNs = 86_400_000_000_000n

type Unmapped = Readonly<Record<string, unknown>>
type Event = { readonly metadata: { readonly event_code: string }; readonly unmapped: Unmapped }

/** The real store; what is enqueued counts as recorded at once. */
async function room(t: TestContext) {
  let aheadNs = 0n
  const clock: Clock = { ...systemClock, nowNs: () => systemClock.nowNs() + aheadNs }
  const store = openStore(':memory:')
  t.after(() => store.close())
  const lines: { readonly tenant: string; readonly event: Event }[] = []
  const outbox = {
    ...createOutbox(store),
    enqueue: async (_tx: unknown, tenant: string, body: Body) => {
      lines.push({ tenant, event: (body as unknown as { event: Event }).event })
      return String(lines.length)
    },
    committed: (async (uid: string) => Number(uid)) as ReturnType<typeof createOutbox>['committed'],
    recorded: async (uid: string) => Number(uid),
  }
  const log = createLog(
    'test',
    () => undefined,
    () => 0,
  )
  const voice = { device: { uid: 'd', hostname: 'h', type_id: 0, type: 'Unknown', os: {} }, version: '0' } as never
  const options = { store, outbox, voice, clock, log, deployment }
  const open = async () => {
    const roots = await openTrustRoots(options)
    return { roots, manifests: createManifests({ ...options, roots }) }
  }
  return {
    open,
    lines,
    store,
    clock,
    ...(await open()),
    later: (ns: bigint) => (aheadNs += ns),
    now: () => clock.nowNs(),
  }
}

const by = <A extends Action>(action: A) =>
  ({ principal: { kind: 'operator', id: 'root' }, action, tenant: 'cluster', requestId: 'r1' }) as Authorised<A>

const change = { action: 'strict-off', tenant: 'acme', for_seconds: 259_200 } as const
const digest = digestOfChange(change, manifestCrypto)
let drawn = 0

function manifestAt(nowNs: bigint, more: Partial<Manifest> = {}): Manifest {
  drawn += 1
  return {
    type: 'manifest',
    action: 'strict-off',
    subject: 'acme for 72 h',
    digest,
    created: rfc3339(nowNs),
    expires: rfc3339(nowNs + dayNs),
    nonce: String(drawn).padStart(32, '0'),
    deployment,
    ...more,
  }
}

function levels(roots: Parameters<typeof addTrustRootHealth>[1], clock: Clock): unknown[] {
  const shown: unknown[] = []
  const show = (_name: string, read: () => { readonly level: string }) => shown.push(read().level)
  addTrustRootHealth({ show } as unknown as Health, roots, clock)
  return shown
}

const some = (...indexes: number[]) => indexes.map((i) => keys[i] as TestKey)
const install = ({ roots }: Awaited<ReturnType<typeof room>>, threshold = 3) =>
  roots.install(by('trust-root:install'), signedRoot(rootOf(1, five, threshold), some(0, 1, 2, 3)))

test('SIG-5: without a trust root a critical change is refused, and told how to install one', async (t) => {
  const { manifests } = await room(t)
  await assert.rejects(manifests.requireManifest({ action: 'strict-off', digest }, 'switching strict mode off'), {
    code: 'MANIFEST_NO_ROOT',
    advice: /manifest root init/,
  })
})

test('SIG-5: three of five agree, one signature at a time, each a line by its key; the change is made once', async (t) => {
  const here = await room(t)
  const { manifests, lines, store, now } = here
  await install(here)
  const manifest = manifestAt(now())
  const wanted = { action: 'strict-off', digest } as const
  const require = () => manifests.requireManifest(wanted, 'switching strict mode off')
  await assert.rejects(require(), { code: 'MANIFEST_REQUIRED' })
  for (const i of [0, 1]) {
    const { view } = await manifests.add(by('manifest:sign'), signedManifest(manifest, some(i)))
    assert.equal(view.state, 'collecting')
  }
  // The same two keys once more are not more keys.
  assert.deepEqual((await manifests.add(by('manifest:sign'), signedManifest(manifest, some(1, 0)))).lines, [])
  await assert.rejects(require(), { code: 'MANIFEST_UNVERIFIED', received: /2 .* of 3/ })
  const { view } = await manifests.add(by('manifest:sign'), signedManifest(manifest, some(3)))
  assert.equal(view.state, 'complete')
  assert.equal(view.proof?.digestHex, view.id)
  const signed = lines.filter(({ event }) => event.metadata.event_code === 'manifest_signed')
  assert.deepEqual(
    signed.map(({ event }) => event.unmapped.signing_key_id),
    some(0, 1, 3).map(({ keyid }) => keyid),
  )
  assert.ok(lines.every(({ tenant }) => tenant === 'cluster'))

  const [first, second] = [await require(), await require()]
  await assert.rejects(
    store.transaction(async (tx) => {
      await first.consume(tx, now(), { name: 'operator:root' })
      throw new Error('the change failed')
    }),
    /the change failed/,
  )
  await store.transaction((tx) => first.consume(tx, now(), { name: 'operator:root' }))
  const again = store.transaction((tx) => second.consume(tx, now(), { name: 'operator:root' }))
  await assert.rejects(again, { code: 'MANIFEST_REPLAYED' })
  const { manifests: later } = await here.open()
  await assert.rejects(later.requireManifest(wanted, 'again'), { code: 'MANIFEST_REPLAYED' })
  const kept = await later.get(by('manifest:read'), view.id)
  assert.deepEqual([kept.state, kept.proof, kept.envelope.signatures.length], ['applied', view.proof, 3])
  await assert.rejects(later.add(by('manifest:sign'), signedManifest(manifest, some(4))), { code: 'MANIFEST_REPLAYED' })
  const sameNonce = { ...manifestAt(now()), nonce: manifest.nonce }
  await assert.rejects(later.add(by('manifest:sign'), signedManifest(sameNonce, some(4))), {
    code: 'MANIFEST_REPLAYED',
  })
})

test('SIG-5: a manifest that others opened for the same change does not stand in the way', async (t) => {
  const here = await room(t)
  await install(here)
  const { manifests, now } = here
  await manifests.add(by('manifest:sign'), signedManifest(manifestAt(now()), some(0, 1, 2)))
  const longer = manifestAt(now(), { expires: rfc3339(now() + 9n * dayNs) })
  await manifests.add(by('manifest:sign'), signedManifest(longer, some(4)))
  const { verified } = await manifests.requireManifest({ action: 'strict-off', digest }, 'x')
  assert.equal(verified.proof.signatures.length, 3)
})

test('SIG-5: strangers, wrong signatures, other deployments and expired manifests are refused at the door', async (t) => {
  const here = await room(t)
  await install(here)
  const { manifests, now, later, lines } = here
  const add = (envelope: Parameters<typeof manifests.add>[1]) => manifests.add(by('manifest:sign'), envelope)
  const manifest = manifestAt(now())
  const before = lines.length
  await assert.rejects(add(signedManifest(manifest, [stranger])), { code: 'MANIFEST_SIGNATURE', received: /unknown/ })
  const other = signedManifest(manifestAt(now()), some(0)).signatures
  await assert.rejects(add({ ...signedManifest(manifest, []), signatures: other }), { code: 'MANIFEST_SIGNATURE' })
  const elsewhere = manifestAt(now(), { deployment: 'sealwatch-deadbeef' })
  await assert.rejects(add(signedManifest(elsewhere, some(0))), { code: 'MANIFEST_ELSEWHERE' })
  assert.equal(lines.length, before)
  await add(signedManifest(manifest, some(0, 1, 2)))
  const approval = await manifests.requireManifest({ action: 'strict-off', digest }, 'x')
  later(dayNs)
  await assert.rejects(manifests.requireManifest({ action: 'strict-off', digest }, 'x'), { code: 'MANIFEST_EXPIRED' })
  const late = here.store.transaction((tx) => approval.consume(tx, now(), { name: 'operator:root' }))
  await assert.rejects(late, { code: 'MANIFEST_EXPIRED' })
  await assert.rejects(add(signedManifest(manifest, some(3))), { code: 'MANIFEST_EXPIRED' })
})

test('SIG-5: an upgrade is applied by its release file, once; what has a command of its own is not applied', async (t) => {
  const here = await room(t)
  await install(here)
  const { manifests, now, lines } = here
  const add = async (manifest: Manifest) =>
    (await manifests.add(by('manifest:sign'), signedManifest(manifest, some(0, 1, 2)))).view.id
  const apply = (id: string, release: string) => manifests.apply(by('manifest:apply'), id, release)
  const strictOff = await add(manifestAt(now()))
  await assert.rejects(apply(strictOff, digest), { code: 'MANIFEST_TAKEN_BY_CHANGE' })
  const release = 'cd'.repeat(32)
  const upgrade = await add(manifestAt(now(), { action: 'upgrade', digest: release }))
  await assert.rejects(apply(upgrade, digest), { code: 'MANIFEST_ELSEWHERE' })
  const both = await Promise.allSettled([apply(upgrade, release), apply(upgrade, release)])
  assert.equal(both.filter(({ status }) => status === 'fulfilled').length, 1)
  await assert.rejects(apply(upgrade, release), { code: 'MANIFEST_REPLAYED' })
  await assert.rejects(apply('ef'.repeat(32), release), { code: 'MANIFEST_UNKNOWN' })
  const applied = lines.filter(({ event }) => event.metadata.event_code === 'manifest_applied')
  assert.deepEqual(
    applied.map(({ event }) => event.unmapped.signatures_counted),
    [some(0, 1, 2).map(({ keyid }) => keyid)],
  )
})

test('SIG-5: the trust root is installed once; what follows it is signed by both, counts at once and after a restart', async (t) => {
  const here = await room(t)
  const { roots, manifests, lines, now } = here
  const next = [...some(0, 1, 2, 3), stranger]
  const two = rootOf(2, next, 3)
  const follow = (signers: readonly TestKey[]) => roots.follow(by('manifest:apply'), signedRoot(two, signers))
  await assert.rejects(follow(some(0, 1, 2)), { code: 'MANIFEST_NO_ROOT' })
  const { root } = await install(here)
  assert.equal(lines[0]?.event.unmapped.trust_root, root.digestHex)
  await assert.rejects(install(here, 2), { code: 'TRUST_ROOT_INSTALLED' })
  // Three signatures, of which the root before knows two.
  await assert.rejects(follow([...some(0, 1), stranger]), { code: 'TRUST_ROOT_UNVERIFIED' })
  await manifests.add(by('manifest:sign'), signedManifest(manifestAt(now()), some(0, 1, 4)))
  await follow(some(0, 1, 2))
  assert.equal(roots.newest()?.root.version, 2)
  const again = await here.open()
  assert.equal(again.roots.newest()?.root.version, 2)
  // The fifth key is gone, and its signature with it.
  const required = again.manifests.requireManifest({ action: 'strict-off', digest }, 'x')
  await assert.rejects(required, { code: 'MANIFEST_UNVERIFIED', received: /2 .* of 3/ })
  assert.equal((await again.manifests.list(by('manifest:read')))[0]?.state, 'collecting')
})

test('SIG-5: a trust root that was altered in the database, or has expired, lets nothing count', async (t) => {
  const here = await room(t)
  const { roots, store, now, later } = here
  const expires = rfc3339(now() + dayNs)
  await roots.install(by('trust-root:install'), signedRoot(rootOf(1, five, 3, expires), five))
  await here.manifests.add(by('manifest:sign'), signedManifest(manifestAt(now()), five))
  const lowered = JSON.stringify(signedRoot(rootOf(1, [stranger, keys[0] as TestKey], 2), [stranger]))
  const { envelope } = await store.db.selectFrom('trust_roots').selectAll().executeTakeFirstOrThrow()
  await store.transaction(async (tx) => void (await tx.updateTable('trust_roots').set({ envelope: lowered }).execute()))
  const altered = await here.open()
  const require = ({ manifests }: typeof altered) => manifests.requireManifest({ action: 'strict-off', digest }, 'x')
  await assert.rejects(require(altered), { code: 'TRUST_ROOT_UNVERIFIED' })
  await store.transaction(async (tx) => void (await tx.updateTable('trust_roots').set({ envelope }).execute()))
  assert.deepEqual(levels(altered.roots, here.clock), ['critical'])
  const good = await here.open()
  assert.deepEqual(levels(good.roots, here.clock), ['warning'])
  later(dayNs)
  await assert.rejects(require(good), { code: 'TRUST_ROOT_EXPIRED' })
  assert.deepEqual(levels(good.roots, here.clock), ['critical'])
})
