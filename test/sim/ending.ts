// SPDX-License-Identifier: Apache-2.0

import { messageOf } from '@sealwatch/base'
import { verifyEd25519 } from '@sealwatch/keys'
import { type Ledger, sha256, verifyBundle, writeBundle } from '@sealwatch/ledger'
import { scrubLedger } from '../../apps/server/src/ingest/index.ts'
import { across } from '../../apps/server/src/store/index.ts'
import { checkConfirmed, checkDisk, checkServer, folders, readLedger } from './checks.ts'
import { count, type Record } from './record.ts'
import { createLife, type Scheduler } from './scheduler.ts'
import { type OpenServer, type ServerMachine, tenants } from './server.ts'
import type { Machines } from './simulate.ts'

const waitingStepsMax = 50_000

/** What is checked once nothing fails any more; `older` puts an older copy of the ledgers in the place of the present. */
export async function checkEnd({
  server,
  record,
  scheduler,
  world,
  older,
}: Machines & { older: () => void }): Promise<void> {
  const open = server.open as OpenServer
  const wrong = (text: string) => void record.violations.push(text)
  await checkDisk(server.disk, record, world.sealing)
  checkServer(open, record, scheduler.below)
  await driven(scheduler, emptied(open, scheduler))
  checkConfirmed(server.disk, record)
  for (const tenant of tenants) await driven(scheduler, checkBundle(open, tenant, wrong))
  for (const folder of Object.values(folders)) await driven(scheduler, checkRot(server, folder, scheduler, record))
  await driven(scheduler, checkRollback(server, older, scheduler, record))
}

/** What was parked has entered the ledgers. */
async function emptied({ store, life }: OpenServer, scheduler: Scheduler): Promise<void> {
  const waiting = across(store.db, 'outbox').selectFrom('outbox').select('uid').limit(1)
  while ((await waiting.executeTakeFirst()) !== undefined) await scheduler.sleep(life, 100)
}

/** Lets things happen until the promise is settled. */
async function driven<T>(scheduler: Scheduler, promise: Promise<T>): Promise<T> {
  let isSettled = false
  const settled = () => {
    isSettled = true
  }
  promise.then(settled, settled)
  for (let left = waitingStepsMax; !isSettled; left -= 1) {
    if (left === 0) throw new Error('what was asked at the end is never answered')
    await scheduler.step()
  }
  return promise
}

async function checkBundle({ ledgers }: OpenServer, tenant: string, wrong: (text: string) => void): Promise<void> {
  const ledger = ledgers.get(tenant)
  const vkeys = [ledgers.vkey]
  const sealed = await ledgers.sealed(tenant)
  const ranges = [{ from: 0, to: sealed.checkpoint.size }]
  async function* bytes() {
    for await (const piece of writeBundle({ ledger, sealed, vkeys, ranges })) yield piece.bytes
  }
  const report = await verifyBundle(bytes(), { sha256, verify: verifyEd25519, trust: vkeys })
  if (!report.ok || !report.complete) wrong(`bundle: ${tenant}: ${JSON.stringify(report.problem)}`)
}

/** One bit of the truth changes on the disk: it is found, the line is named, and it is not handed out. */
async function checkRot(server: ServerMachine, folder: string, scheduler: Scheduler, record: Record): Promise<void> {
  const { ledgers } = server.open as OpenServer
  const ledger = folder === folders.root ? ledgers.root : ledgers.get(folder.replace('tenant-', ''))
  const path = server.disk.paths(`/ledgers/${folder}/lines`)[0] as string
  const bytes = server.disk.read(path) as Buffer
  const at = scheduler.below(bytes.length)
  const bit = scheduler.below(8)
  const leaf = bytes.subarray(0, at).reduce((lines, byte) => lines + (byte === 0x0a ? 1 : 0), 0)
  server.disk.flip(path, at, bit)
  const read = await ledger.readChecked(leaf, 1).then(
    () => 'an altered line',
    (error: unknown) => messageOf(error),
  )
  const said = `rot: bit ${bit} of byte ${at} in ${folder}, leaf ${leaf}`
  if (!read.includes(`at leaf ${leaf}"`)) record.violations.push(`${said}: reading gives ${read}`)
  const found = await scrubbed(ledger)
  if (found !== leaf) record.violations.push(`${said}: the scrub finds ${found}`)
  server.disk.flip(path, at, bit)
  if ((await scrubbed(ledger)) !== undefined) record.violations.push(`${said}: found where it is put right`)
  count(record, 'bit rot found')
}

async function scrubbed(ledger: Ledger): Promise<number | undefined> {
  let leaf: number | undefined
  await scrubLedger(ledger, new AbortController().signal, ({ problem }) => {
    leaf = problem?.leaf
  })
  return leaf
}

/** Ledgers restored from an older copy, checkpoints and all: the server does not start, and says so. */
async function checkRollback(
  server: ServerMachine,
  older: () => void,
  scheduler: Scheduler,
  record: Record,
): Promise<void> {
  const newer = server.disk.save('/ledgers')
  const sizeNow = readLedger(server.disk, folders.default).lines.length
  server.end()
  older()
  if (readLedger(server.disk, folders.default).lines.length === sizeNow) return newer()
  server.mustRefuse = true
  server.stoppedBy = undefined
  const watcher = createLife('watcher')
  await scheduler.sleep(watcher, 10)
  server.start()
  while (server.open === undefined && server.stoppedBy === undefined) await scheduler.sleep(watcher, 10)
  if (server.open !== undefined)
    record.violations.push('rolled back: the server serves from an older copy of its ledgers')
  server.end()
  server.mustRefuse = false
  newer()
  count(record, 'roll-back refused')
}
