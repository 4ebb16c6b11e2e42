// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { cp, mkdir, mkdtempDisposable, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock as clock, createLog, systemDisk as disk, isSealwatchError } from '@sealwatch/base'
import { openOwnSigner } from '@sealwatch/keys'
import { createOutbox, openStore } from '../store/index.ts'
import {
  checkStores,
  createSignedHeads,
  type Integrity,
  indexEntries,
  openIndexHere,
  openLedgers,
  scrubLedger,
} from './index.ts'

const log = createLog('test', () => undefined, clock.nowMs)
const tenant = 'default'
const open = async (dir: string) =>
  openLedgers({
    dir: join(dir, 'ledgers'),
    deployment: 'sealwatch-00000000',
    tenants: [tenant],
    keysDir: join(dir, 'keys'),
    auditSigner: await openOwnSigner(join(dir, 'audit.key'), disk),
    log,
    labelKey: new Uint8Array(32),
    clock,
    disk,
  })

/** A directory as a server leaves it that has signed and indexed some lines. */
async function lived(dir: string): Promise<void> {
  const ledgers = await open(dir)
  const store = openStore(dir)
  const ledger = ledgers.get(tenant)
  for (let i = 0; i < 20; i += 1) await ledger.append({ own: { event: { i } } })
  const done = new AbortController()
  const onIndexed = (position: number) => {
    if (position === 21) done.abort()
  }
  await ledgers.publish(0)
  const index = openIndexHere(store.indexPath)
  await indexEntries({ ledger, store, index, outbox: createOutbox(store), signal: done.signal, onIndexed })
  await index.close()
  await ledgers.close()
  await store.close()
}

async function scrub(dir: string): Promise<Integrity | undefined> {
  const ledgers = await open(dir)
  let last: Integrity | undefined
  await scrubLedger(ledgers.get(tenant), new AbortController().signal, (found) => {
    last = found
  })
  await ledgers.close()
  return last
}

const temporary = () => mkdtempDisposable(join(tmpdir(), 'sealwatch-stores-'))
const linesOf = async (dir: string) => {
  const folder = join(dir, 'ledgers/tenant-default/lines')
  return join(folder, (await readdir(folder))[0] as string)
}

test('LOG-2 a ledger that nobody touched is found whole', async () => {
  await using dir = await temporary()
  await lived(dir.path)
  assert.deepEqual(await scrub(dir.path), { tenant, checked: 21, size: 21, problem: undefined })
})

test('LOG-2 a line altered on the disk is named, wherever it is', async () => {
  for (const leaf of [0, 7, 20]) {
    await using dir = await temporary()
    await lived(dir.path)
    const path = await linesOf(dir.path)
    const lines = (await readFile(path, 'utf8')).split('\n')
    lines[leaf] = (lines[leaf] as string).replace('"seq":', '"sep":')
    await writeFile(path, lines.join('\n'))
    assert.equal((await scrub(dir.path))?.problem?.leaf, leaf)
  }
})

test('LOG-2 an altered hash file is noticed', async () => {
  await using dir = await temporary()
  await lived(dir.path)
  const path = join(dir.path, 'ledgers/tenant-default/hashes-0')
  const hashes = await readFile(path)
  hashes[40] = (hashes[40] as number) ^ 1
  await writeFile(path, hashes)
  // Found at the opening where the frontier needs that hash, else by the walk: never passed over.
  const found = await scrub(dir.path)
  assert.ok(found?.problem?.leaf === 1 || found?.problem === undefined)
  assert.ok(found?.problem !== undefined || !(await readFile(path)).equals(hashes), 'repaired, or told')
})

test('a ledger that was removed while the index remembers it stops the start', async () => {
  await using dir = await temporary()
  await lived(dir.path)
  await rm(join(dir.path, 'ledgers'), { recursive: true })
  const ledgers = await open(dir.path)
  const store = openStore(dir.path)
  await assert.rejects(checkStores(store, ledgers), (error) => isSealwatchError(error, 'LEDGER_BEHIND'))
  await ledgers.close()
  await store.close()
})

test('LOG-4: a ledger that was removed, or set back, while the root ledger vouches for it stops the start', async () => {
  await using dir = await temporary()
  await lived(dir.path)
  await rm(join(dir.path, 'ledgers/tenant-default'), { recursive: true })
  await assert.rejects(open(dir.path), (error) => isSealwatchError(error, 'LEDGER_BEHIND'))
})

test('LOG-4: ledgers that were rewritten or set back as a whole contradict what the database knows to be signed', async () => {
  for (const harm of ['rewritten', 'set back', 'without its checkpoint'] as const) {
    await using dir = await temporary()
    await lived(dir.path)
    const root = join(dir.path, 'ledgers/root')
    const folder = harm === 'set back' ? root : join(dir.path, 'ledgers/tenant-default')
    const older = join(dir.path, 'older')
    await cp(root, older, { recursive: true })
    const store = openStore(dir.path)
    const ledgers = await open(dir.path)
    await ledgers.get(tenant).append({ own: { event: { more: true } } })
    await ledgers.seal()
    await createSignedHeads(store, ledgers).remember()
    await ledgers.close()
    await store.close()
    if (harm === 'set back') {
      await rm(root, { recursive: true })
      await cp(older, root, { recursive: true })
    } else {
      // Nothing that is signed or derived is left to contradict the lines.
      for (const name of await readdir(folder)) if (name !== 'lines' && name !== 'side') await rm(join(folder, name))
      for (const name of ['published.json', 'book.json']) await rm(join(root, name), { force: true })
    }
    if (harm === 'rewritten') {
      await rm(join(dir.path, 'ledgers/root'), { recursive: true })
      const lines = join(folder, 'lines/00000000000000000000.ndjson')
      const text = await readFile(lines, 'utf8')
      await writeFile(lines, text.slice(0, text.indexOf('\n') + 1))
    }
    const again = await open(dir.path)
    const reopened = openStore(dir.path)
    await assert.rejects(checkStores(reopened, again), (error) => isSealwatchError(error, 'LEDGER_BEHIND'), harm)
    await reopened.close()
    // Not sealed: that would sign what was just refused.
    for (const ledger of [again.root, again.get(tenant)]) await ledger.close()
  }
})

test('a root ledger behind the checkpoint that was published stops the start', async () => {
  await using dir = await temporary()
  await lived(dir.path)
  const published = await readFile(join(dir.path, 'ledgers/root/published.json'))
  await rm(join(dir.path, 'ledgers'), { recursive: true })
  await mkdir(join(dir.path, 'ledgers/root'), { recursive: true })
  await writeFile(join(dir.path, 'ledgers/root/published.json'), published)
  await assert.rejects(open(dir.path), (error) => isSealwatchError(error, 'LEDGER_BEHIND'))
})

test('a database that was removed while ledgers are there stops the start', async () => {
  await using dir = await temporary()
  await lived(dir.path)
  await rm(join(dir.path, 'index.sqlite'))
  const ledgers = await open(dir.path)
  const store = openStore(dir.path)
  await assert.rejects(checkStores(store, ledgers), (error) => isSealwatchError(error, 'STORE_MISSING'))
  await ledgers.close()
  await store.close()
})
