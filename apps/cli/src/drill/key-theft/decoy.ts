// SPDX-License-Identifier: Apache-2.0
// The decoy of the drill key-theft: a small service that holds a master key of its own with the keys of tenants, opens their values for
// whoever asks, and is protected as any service may be.

import { createServer } from 'node:http'
import { join } from 'node:path'
import process from 'node:process'
import { messageOf, systemClock, systemDisk } from '@sealwatch/base'
import { openLibc } from '@sealwatch/base/libc'
import { kmsMasterKey, openSealing, type Sealing } from '@sealwatch/keys/sealing'
import { protect } from '@sealwatch/protect'
import { type DecoyNews, type DecoyOrder, tenantsOfDecoy } from './protocol.ts'
import { endWith } from './stay-with.ts'

const tell = (news: DecoyNews) => void process.send?.(news, () => undefined)
const at = (tenant: number) =>
  ({ tenant: `tenant-${tenant}`, purpose: 'evidence', place: `evidence/${tenant}` }) as const
const cache = { ttlMs: 60_000, keysMax: 2 * tenantsOfDecoy } as const

async function serve(sealing: Sealing, socket: string): Promise<void> {
  const values: Uint8Array[] = []
  for (let tenant = 0; tenant < tenantsOfDecoy; tenant += 1)
    values.push(await sealing.seal(at(tenant), Buffer.from(`a value of tenant ${tenant}`)))
  const server = createServer((request, response) => {
    const tenant = Number(request.url?.slice(1))
    sealing.open(at(tenant), values[tenant] ?? new Uint8Array()).then(
      (plain) => response.end(plain),
      (error: unknown) => response.writeHead(500).end(messageOf(error)),
    )
  })
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve) => {
    server.listen(socket, resolve)
  })
}

async function start({ dir, name, guard, runner }: DecoyOrder): Promise<void> {
  const libc = openLibc()
  endWith(runner, libc)
  // As a service does that holds keys: whoever sends it opens no inspector.
  process.on('SIGUSR1', () => undefined)
  const kms = kmsMasterKey({ clock: systemClock })
  const sealing = await openSealing({
    dir: join(dir, 'keys'),
    kmsKeyId: '',
    kms,
    cache,
    clock: systemClock,
    disk: systemDisk,
  })
  await serve(sealing, join(dir, 'decoy.sock'))
  const never = new AbortController().signal
  let rewrapping: Promise<void> = Promise.resolve()
  protect({
    name,
    socket: guard,
    onProtected: ({ mode, audit }) => tell({ news: 'protected', mode, audit: audit.map(({ finding }) => finding) }),
    onNotice: (text) => tell({ news: 'notice', text }),
    evict: ({ incident }) => {
      const keys = sealing.evict()
      tell({ news: 'evicted', incident, keys })
      return `${keys} keys forgotten`
    },
    rotate: async ({ incident }) => {
      const before = sealing.epoch
      const { epoch: after } = await sealing.rotateMaster()
      // What older epochs hold is wrapped anew behind the answer.
      rewrapping = rewrapping
        .then(() => sealing.rewrap(never, () => undefined))
        .catch((error: unknown) => tell({ news: 'failed', detail: messageOf(error) }))
      tell({ news: 'rotated', incident, before, after })
      return `v${before} to v${after}`
    },
  })
  tell({ news: 'ready', epoch: sealing.epoch })
}

process.on('message', (order: DecoyOrder) => {
  start(order).catch((error: unknown) => tell({ news: 'failed', detail: messageOf(error) }))
})
// Whoever asks at a terminal for an end asks the drill.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined)
process.on('disconnect', () => process.exit(0))
