// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPrivateKey, hash, X509Certificate } from 'node:crypto'
import {
  mkdirSync,
  mkdtempDisposableSync,
  readFileSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLog, rfc3339, systemClock } from '@sealwatch/base'
import { mergeGroups } from '@sealwatch/contract/host-config'
import { authoritySigner, hostConfigDigest, signHostConfig } from '@sealwatch/keys'
import { fileOf, placeOf } from '../place.ts'
import { openToldWatchList } from './told-watch-list.ts'
import { writeUnitWatchList } from './unit-watch-list.ts'

const hostId = 'a'.repeat(32)
const openssl = (...args: string[]) => execFileSync('openssl', args, { encoding: 'utf8', stdio: 'pipe' })
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

/** PEM of a CA and of a host that it certified. */
function certified(dir: string, name: string) {
  const [ca, key, leaf] = ['ca', 'key', 'leaf'].map((part) => join(dir, `${name}-${part}.pem`)) as [
    string,
    string,
    string,
  ]
  openssl('req', '-x509', ...newKey, '-subj', '/CN=CA', '-keyout', key, '-out', ca)
  const san = `subjectAltName=URI:sealwatch:host:${hostId}`
  openssl(
    'req',
    '-x509',
    '-CA',
    ca,
    '-CAkey',
    key,
    ...newKey,
    '-subj',
    '/CN=h',
    '-addext',
    san,
    '-keyout',
    join(dir, 'x'),
    '-out',
    leaf,
  )
  const [authority, host] = [readFileSync(ca, 'utf8'), readFileSync(leaf, 'utf8')]
  return {
    identity: host + authority,
    leaf: host,
    authority: new X509Certificate(authority),
    key: createPrivateKey(readFileSync(key)),
  }
}

test('POL-2 the sensor is told what the pinned CA signed for this host, and nothing that the agent makes up', async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), 'sealwatch-told-'))
  const place = placeOf(join(dir.path, 'data'), dir.path)
  mkdirSync(join(place.data, 'agent'), { recursive: true })
  const [own, other] = [certified(dir.path, 'own'), certified(dir.path, 'other')]
  const caFingerprint = hash('sha256', own.authority.raw, 'hex')
  writeFileSync(fileOf.trust(place), JSON.stringify({ deployment: 'd', ledgerKeys: [], caFingerprint }))
  const errors: string[] = []
  const log = createLog(
    'supervisor',
    (line) => void errors.push(...(line.includes('"error"') ? [line] : [])),
    () => 0,
  )
  let at = 0
  const agentHas = async (watch: string[], by: typeof own, identity = by.identity) => {
    const config = { policies: [], ...mergeGroups([{ name: 'web', version: 1, config: { watch } }]) }
    const nowNs = systemClock.nowNs()
    const times = { issued_at: rfc3339(nowNs), expires_at: rfc3339(nowNs + 1_000_000_000n) }
    const said = {
      v: 1,
      host: hostId,
      tenant: 'default',
      version: 1,
      digest: hostConfigDigest(config),
      ...times,
      config,
    } as const
    const envelope = await signHostConfig(said, authoritySigner(by.key, [by.authority]), AbortSignal.timeout(10_000))
    const kept = { v: 1, identity, current: JSON.stringify(envelope) }
    writeFileSync(fileOf.agentConfiguration(place), JSON.stringify(kept))
    at += 1
    utimesSync(fileOf.agentConfiguration(place), at, at)
  }
  const told = () => readFileSync(fileOf.toldWatchList(place), 'utf8')

  const both = '/a\n/b\nchanges,below:/c\n'
  const list = openToldWatchList(place, log)
  assert.deepEqual([list.look(), told()], [false, ''])
  await agentHas(['/a', 'changes,below:/c', '/b'], own)
  assert.deepEqual([list.look(), list.look(), told()], [true, false, both])
  assert.deepEqual(errors, [])

  await agentHas(['/c'], other)
  assert.deepEqual([list.look(), told()], [false, both], 'an identity of another CA')
  await agentHas(['/c'], other, own.identity)
  assert.deepEqual([list.look(), told()], [false, both], 'another signature')
  await agentHas(['/c'], own, other.leaf + own.authority.toString())
  assert.deepEqual([list.look(), told()], [false, both], 'a certificate that another CA has signed')
  unlinkSync(fileOf.agentConfiguration(place))
  symlinkSync('/etc/passwd', fileOf.agentConfiguration(place))
  assert.deepEqual([list.look(), told()], [false, both], 'a link to what the agent may not read')
  assert.equal(errors.length, 4)
  unlinkSync(fileOf.agentConfiguration(place))

  await agentHas([], own)
  assert.deepEqual([list.look(), told()], [true, ''])
  await agentHas(['/d'], own)
  openToldWatchList(place, log)
  assert.equal(told(), '/d\n', 'at the start of a supervisor')

  // Units have no supervisor: root says in a file of its own whose lists count.
  unlinkSync(fileOf.trust(place))
  const file = join(dir.path, 'authority.json')
  const apply = () => writeUnitWatchList(place, '/opt/sealwatch', file, log)
  await agentHas(['/e'], own)
  assert.equal(apply().told, undefined, 'nobody said so')
  writeFileSync(file, JSON.stringify({ caPin: hash('sha256', other.authority.raw, 'hex') }))
  assert.deepEqual([apply().told, told()], [1, '/d\n'], 'what was in force before')
  writeFileSync(file, JSON.stringify({ caPin: caFingerprint.slice(0, 32) }))
  assert.deepEqual([apply().isNew, told()], [true, '/e\n'])
  assert.match(readFileSync(fileOf.unitWatchList(place), 'utf8'), /\n\/e\n$/)
})
