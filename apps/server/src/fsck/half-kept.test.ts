// SPDX-License-Identifier: Apache-2.0
// A full disk, or a crash, between an item and its stub: nobody was answered, and whoever sent it sends it again.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock as clock, systemDisk as disk, diskErrors, errorsOf, rfc3339 } from '@sealwatch/base'
import { auditLedgers, type Ledger, type SubmissionStub } from '@sealwatch/ledger'
import { walkQuarantine } from '../ingest/quarantine/walk.ts'
import { billing, one, openRooms, rowOf, signed, temporary } from '../ingest/rows/test/open-rows.ts'
import { at, byWhom, dayNs, keyRow, openIngest, whole } from '../ingest/test/open-ingest.ts'
import { enterKey, type KeyRow } from '../trust/test/host-key.ts'
import { fsckDir } from './test/fsck-dir.ts'

const root = byWhom({ kind: 'operator', id: 'root' }, 'acme')
const diskError = errorsOf(diskErrors)
type Rooms = Awaited<ReturnType<typeof openRooms>>

/** The next line does not fit on the disk: what it stands for is kept by then. */
function fillDisk(ledger: Ledger): void {
  const { append } = ledger
  const full: Ledger['append'] = async (_item, _side, after) => {
    await after
    ledger.append = append
    throw diskError('DISK_FULL', { attempted: 'appending' })
  }
  ledger.append = full
}

const rowsIn = ({ store }: Pick<Rooms, 'store'>, tenant = 'acme') =>
  store.db.selectFrom('audit_signature_quarantine').selectAll().where('tenant', '=', tenant).execute()
const waitingIn = ({ quarantine }: Rooms) => [
  quarantine.waiting.get('acme')?.unknown_key ?? 0,
  quarantine.room.get('acme')?.items ?? 0,
]
const later = () => clock.sleep(2)
const now = () => rfc3339(clock.nowNs())

/** Nobody finds anything wrong, neither of the ledger nor of the quarantine beside it. */
async function checkAll(dir: string, items: number) {
  const { ledgers, ok } = await auditLedgers(join(dir, 'ledgers'), { disk, trust: [] })
  assert.deepEqual([ok, ledgers.flatMap(({ problem }) => problem ?? [])], [true, []])
  const found = await fsckDir(dir)
  assert.deepEqual([found.ok, found.database, found.quarantine[0]?.items ?? 0], [true, [], items])
}

/** A submission whose item was kept and whose stub was not written, and then once more, after `between`. */
async function sendTwice(it: Rooms, between: (it: Rooms) => Promise<void>) {
  const sent = signed(['a', 'b'])
  fillDisk(it.ledger)
  const [first] = await it.rows.submit(billing, [sent])
  assert.deepEqual([first?.kind, (await rowsIn(it)).length], ['refused', 1])
  await later()
  await between(it)
  await later()
  const [second] = await it.rows.submit(billing, [sent])
  return second
}

const ends: readonly (readonly [string, () => Partial<KeyRow>])[] = [
  ['ended', () => ({ valid_until: now() })],
  ['was revoked', () => ({ revoked_at: now() })],
]
for (const [name, change] of ends)
  test(`ING-4 SIG-6 an item has the receipt of its stub, where its key ${name} before rows came that its stub stands for`, async () => {
    await using dir = await temporary()
    {
      await using it = await openRooms(dir.path)
      let key: KeyRow | undefined
      const second = await sendTwice(it, async () => {
        key = rowOf(one, change())
      })
      assert.equal(second?.kind === 'quarantined' && second.reason, 'unknown_key')
      const [stub] = await it.stubsIn()
      const [row] = await rowsIn(it)
      assert.ok(row !== undefined && key !== undefined)
      const { beside } = await it.quarantine.read('acme', row)
      assert.deepEqual([row.received_at, beside?.receivedAt], [stub?.received_at, stub?.received_at])
      await it.enter(key)
      const { items } = await it.replays.replay(root, {}, whole)
      assert.deepEqual(
        items.map(({ outcome, reason }) => [outcome, reason]),
        [['waiting', key.valid_until === null ? 'key_revoked' : 'key_expired']],
      )
      await it.seal()
    }
    await checkAll(dir.path, 1)
  })

test('ING-3 an item that is judged otherwise when it comes again has the row of its stub', async () => {
  await using dir = await temporary()
  {
    await using it = await openRooms(dir.path)
    const second = await sendTwice(it, async () => {
      assert.deepEqual(waitingIn(it), [0, 0], 'nobody was told that it is kept')
      await it.enter(rowOf(one, { valid_until: now() }))
    })
    assert.equal(second?.kind === 'quarantined' && second.reason, 'key_expired')
    const [row, ...more] = await rowsIn(it)
    assert.deepEqual([row?.reason, more, it.quarantine.waiting.get('acme')?.key_expired], ['key_expired', [], 2])
    assert.match(row?.detail ?? '', /valid until/)
    await it.seal()
  }
  await checkAll(dir.path, 1)
})

test('ING-3 an item that is admitted when it comes again waits for nobody, and its row goes', async () => {
  await using dir = await temporary()
  {
    await using it = await openRooms(dir.path)
    const second = await sendTwice(it, () => it.enter(rowOf(one)))
    assert.deepEqual([second?.kind, waitingIn(it)], ['admitted', [0, 0]])
    await it.replays.settle('acme')
    assert.deepEqual(await rowsIn(it), [])
    await it.seal()
  }
  await checkAll(dir.path, 0)
})

test('ING-3 after a crash between item and stub the item counts for nothing, and comes again', async () => {
  await using dir = await temporary()
  const sent = signed(['a'])
  {
    await using it = await openRooms(dir.path)
    fillDisk(it.ledger)
    await it.rows.submit(billing, [sent])
  }
  {
    await using it = await openRooms(dir.path)
    assert.deepEqual(waitingIn(it), [0, 0])
    await it.replays.settle('acme')
    assert.deepEqual(await rowsIn(it), [])
    assert.equal((await it.rows.submit(billing, [sent]))[0]?.kind, 'quarantined')
    assert.deepEqual([waitingIn(it), (await rowsIn(it)).length], [[1, 1], 1])
    await it.seal()
  }
  await checkAll(dir.path, 1)
})

test('ING-3 whoever finishes what a crash left lets alone what is under way, and what is told of twice counts once', async () => {
  await using dir = await temporary()
  await using it = await openRooms(dir.path)
  const { append } = it.ledger
  const isKept = Promise.withResolvers<void>()
  const mayGo = Promise.withResolvers<void>()
  it.ledger.append = async (item, side, after) =>
    append(
      item,
      side,
      after?.then(() => {
        isKept.resolve()
        return mayGo.promise
      }),
    )
  const sending = it.rows.submit(billing, [signed(['a'])])
  await isKept.promise
  const settling = it.replays.settle('acme')
  mayGo.resolve()
  assert.equal((await sending)[0]?.kind, 'quarantined')
  await settling
  const [row] = await rowsIn(it)
  assert.deepEqual([row?.stub_leaf_index !== null, waitingIn(it)], [true, [1, 1]])
})

/** An item whose stub says that it came after `received_at`, as servers left them behind a full disk. */
async function keepApart(it: Rooms, received_at: string): Promise<void> {
  const { append } = it.ledger
  it.ledger.append = (item, ...rest) => {
    it.ledger.append = append
    const { submission_stub: stub } = (item as { own: { submission_stub: SubmissionStub } }).own
    return append({ own: { submission_stub: { ...stub, received_at } } }, ...rest)
  }
  assert.equal((await it.rows.submit(billing, [signed(['a'])]))[0]?.kind, 'quarantined')
}

test('ING-4 SIG-6 rows are judged as of the receipt that their stub says, and walk and fsck find one that is another', async () => {
  await using dir = await temporary()
  {
    await using it = await openRooms(dir.path)
    const revoked_at = at(1_000_000_000n)
    await keepApart(it, at(2_000_000_000n))
    await it.enter(rowOf(one, { revoked_at }))
    const { items } = await it.replays.replay(root, {}, whole)
    assert.deepEqual(
      items.map(({ outcome, reason }) => [outcome, reason]),
      [['waiting', 'key_revoked']],
    )
    assert.deepEqual(await it.textsIn(), [])
    const found = await walkQuarantine({ ...it, clock }, new AbortController().signal)
    assert.deepEqual([found?.leaf, /and its stub at/.test(found?.text ?? '')], [1, true])
    await it.seal()
  }
  const { ok, database } = await fsckDir(dir.path)
  assert.equal(ok, false)
  assert.deepEqual(
    database.map(({ leaf, text }) => [leaf, /its row says that it came at \S+Z, and its stub at \S+Z/.test(text)]),
    [[1, true]],
  )
})

test('SIG-6 lines of a host that came before its key was revoked, and whose stub did not, count where a later head covers them', async () => {
  await using it = await openIngest('unregistered')
  await it.seal('a')
  const batch = await it.batchAt(0)
  const ledger = it.ledgers.get('default')
  fillDisk(ledger)
  assert.equal((await it.submit(batch)).kind, 'refused')
  await later()
  const revoked_at = at(0n)
  await later()
  const second = await it.submit(batch)
  assert.equal(second.kind === 'quarantined' && second.reason, 'unknown_key')
  const [row] = await rowsIn(it, 'default')
  assert.ok(row?.received_at != null && row.received_at > revoked_at)
  const { beside } = await it.quarantine.read('default', row)
  assert.equal(beside?.receivedAt, row.received_at)
  await enterKey(it.store, it.keys, keyRow(it.signer, { valid_from: at(-dayNs), revoked_at }))
  const [item] = (await it.replays().replay(byWhom({ kind: 'operator', id: 'root' }), {}, whole)).items
  assert.deepEqual([item?.outcome, item?.reason], ['waiting', 'key_revoked'])
})

test('SIG-6 a revocation that came between lines of a host and their stub counts for them, as it does for whoever reads the ledger', async () => {
  await using it = await openIngest('unregistered')
  await it.seal('a')
  const ledger = it.ledgers.get('default')
  const { append } = ledger
  let revoked_at = ''
  ledger.append = async (...given) => {
    await later()
    revoked_at = at(0n)
    await later()
    return append(...given)
  }
  assert.equal((await it.submit(await it.batchAt(0))).kind, 'quarantined')
  await enterKey(it.store, it.keys, keyRow(it.signer, { valid_from: at(-dayNs), revoked_at }))
  ledger.append = append
  const [item] = (await it.replays().replay(byWhom({ kind: 'operator', id: 'root' }), {}, whole)).items
  assert.deepEqual([item?.outcome, item?.reason], ['waiting', 'key_revoked'])
})
