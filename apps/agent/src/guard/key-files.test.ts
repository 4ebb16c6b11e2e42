// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sampleTask } from '../observe/sample-observations.ts'
import { keyFilesOf, mayRead, ownKeyFiles } from './key-files.ts'

const hostMntNs = 4_026_531_841
const reader = (exe: string, uid: number, mntNs = hostMntNs) => sampleTask({ exe, uid, euid: uid, mntNs })

test('RIM-2 a key file is read by its own program and by those who are named, each by all that is said of them', () => {
  const [key] = keyFilesOf([
    {
      name: 'vault',
      exe: '/usr/bin/vault',
      keys: [{ path: '/etc/vault.key', may: [{ exe: '/usr/bin/restic', uid: 34 }, { uid: 990 }] }],
    },
  ])
  assert(key !== undefined)
  const may = (...who: Parameters<typeof reader>) => mayRead(key, reader(...who), hostMntNs)
  assert.equal(may('/usr/bin/vault', 0), true)
  assert.equal(may('/usr/bin/restic', 34), true)
  assert.equal(may('/usr/bin/restic', 0), false)
  assert.equal(may('/usr/bin/cat', 990), true)
  assert.equal(may('/usr/bin/cat', 0), false)
  assert.equal(mayRead(key, sampleTask({ exe: '/usr/bin/cat', uid: 990, euid: 0 }), hostMntNs), false)
  assert.equal(may('/usr/bin/vault', 0, 1), false, 'in a mount namespace of its own that path is anybody’s')
})

test('RIM-2 without a program of its own a key file is for those who are named alone', () => {
  const [key] = keyFilesOf([{ name: 'web', unit: 'nginx.service', keys: [{ path: '/etc/tls' }] }])
  assert(key !== undefined)
  assert.equal(mayRead(key, reader('/usr/sbin/nginx', 0), hostMntNs), false)
})

test('RIM-2 keys of Sealwatch are for the users of its parts, and not for root', () => {
  const own = ownKeyFiles('/var/lib/sealwatch', { server: 64_701, agent: 64_702 })
  const readersOf = own.map((key) =>
    ['server', 'agent', 'root'].map((_, at) =>
      mayRead(key, reader('/usr/bin/node', [64_701, 64_702, 0][at] as number), 1),
    ),
  )
  assert.deepEqual(readersOf, [
    [true, false, false],
    [false, true, false],
    [false, true, false],
  ])
})
