// SPDX-License-Identifier: Apache-2.0
// `node rotate-child.ts DIR N`: rotates the master key of DIR and wraps all keys anew, and is killed before the Nth write.

import process from 'node:process'
import { DatabaseSync, StatementSync } from 'node:sqlite'
import { systemClock, systemDisk } from '@sealwatch/base'
import { kmsMasterKey, openSealing } from '../src/sealing/index.ts'

const [dir = '', fatal = ''] = process.argv.slice(2)
let armed = false
let left = Number(fatal)

function countDown(): void {
  if (armed && --left === 0) process.kill(process.pid, 'SIGKILL')
}

for (const [holder, name] of [
  [DatabaseSync.prototype, 'exec'],
  [StatementSync.prototype, 'run'],
] as const) {
  const before = (holder as unknown as Record<string, (...args: unknown[]) => unknown>)[name]
  Object.defineProperty(holder, name, {
    value(this: unknown, ...args: unknown[]) {
      countDown()
      return before?.apply(this, args)
    },
  })
}
const disk: typeof systemDisk = {
  ...systemDisk,
  replace: (...args) => {
    countDown()
    return systemDisk.replace(...args)
  },
  remove: (path) => {
    countDown()
    return systemDisk.remove(path)
  },
}

const sealing = await openSealing({
  dir,
  kmsKeyId: '',
  kms: kmsMasterKey({ clock: systemClock }),
  cache: { ttlMs: 60_000, keysMax: 64 },
  clock: systemClock,
  disk,
})
armed = true
await sealing.rotateMaster()
countDown()
await sealing.rewrap(new AbortController().signal, () => undefined)
sealing.close()
