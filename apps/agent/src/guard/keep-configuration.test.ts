// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPrivateKey, hash, X509Certificate } from 'node:crypto'
import { mkdtempDisposableSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLog, rfc3339, systemClock, systemDisk } from '@sealwatch/base'
import { mergeGroups } from '@sealwatch/contract/host-config'
import { authoritySigner, hostConfigDigest, signHostConfig } from '@sealwatch/keys'
import { keepGuardConfiguration } from './keep-configuration.ts'

const openssl = (...args: string[]) => execFileSync('openssl', args, { encoding: 'utf8', stdio: 'pipe' })
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
const [host, otherHost] = ['a'.repeat(32), 'b'.repeat(32)]

/** A CA, and hosts that it certified. */
function found(dir: string, name: string) {
  const [ca, caKey] = [join(dir, `${name}.pem`), join(dir, `${name}.key`)]
  openssl('req', '-x509', ...newKey, '-subj', '/CN=CA', '-keyout', caKey, '-out', ca)
  const pem = readFileSync(ca, 'utf8')
  const certificate = new X509Certificate(pem)
  const signer = authoritySigner(createPrivateKey(readFileSync(caKey)), [certificate])
  return {
    pin: hash('sha256', certificate.raw, 'hex'),
    /** PEM: the certificate of a host, and the CA's. */
    identityOf: (id: string) => {
      const san = ['-subj', '/CN=h', '-addext', `subjectAltName=URI:sealwatch:host:${id}`]
      return openssl('req', '-x509', '-CA', ca, '-CAkey', caKey, ...newKey, ...san, '-keyout', join(dir, 'x')) + pem
    },
    /** `ageMs`: since it was signed. */
    sign: async (version: number, { of = host, tenant = 'acme', ageMs = 0 } = {}) => {
      const config = {
        ...mergeGroups([{ name: 'web', version, config: { guard: { cooldown_seconds: version } } }]),
        policies: [],
      }
      const fromNs = BigInt(systemClock.nowMs() - ageMs) * 1_000_000n
      const times = { issued_at: rfc3339(fromNs), expires_at: rfc3339(fromNs + 3_600_000_000_000n) }
      const said = { v: 1, host: of, tenant, version, digest: hostConfigDigest(config), ...times, config } as const
      return JSON.stringify(await signHostConfig(said, signer, AbortSignal.timeout(10_000)))
    },
  }
}

test('RIM-5 INC-4: a guard follows what the pinned CA signed for its host, the newest it has seen, and nothing that the agent makes up', async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), 'sealwatch-guard-config-'))
  const [own, other] = [found(dir.path, 'own'), found(dir.path, 'other')]
  const path = join(dir.path, 'configuration.json')
  const applied: (number | undefined)[] = []
  let pin: string | undefined
  const open = () =>
    keepGuardConfiguration({
      path,
      tenant: 'acme',
      pin: () => pin,
      apply: (said) => applied.push(said?.config.guard?.cooldown_seconds),
      disk: systemDisk,
      log: createLog('test', () => undefined, systemClock.nowMs),
    })
  const identity = own.identityOf(host)
  let keeper = await open()
  await assert.rejects(keeper.take(await own.sign(1), identity), { code: 'GUARD_UNPINNED' })
  pin = own.pin
  // One that the agent has had for long.
  await keeper.take(await own.sign(2, { ageMs: 90 * 24 * 3_600_000 }), identity)
  const third = await own.sign(3)
  await keeper.take(third, identity)
  await keeper.take(third, identity)
  assert.deepEqual([applied, keeper.version], [[undefined, 2, 3], 3])

  const refused: [envelope: string, identity: string, why: object][] = [
    [await own.sign(2), identity, { code: 'GUARD_CONFIG_REPLAYED' }],
    [await own.sign(4, { tenant: 'other' }), identity, { code: 'GUARD_CONFIG_FOREIGN' }],
    [await own.sign(4, { of: otherHost }), own.identityOf(otherHost), { code: 'GUARD_CONFIG_FOREIGN' }],
    [await own.sign(4, { of: otherHost }), identity, { code: 'HOST_CONFIG_INVALID' }],
    [await other.sign(4), identity, { code: 'DSSE_UNVERIFIED' }],
    [await other.sign(4), other.identityOf(host), { name: 'SyntaxError' }],
    ['{}', identity, { code: 'DSSE_MALFORMED' }],
    [await own.sign(4), 'nobody', { name: 'SyntaxError' }],
  ]
  for (const [envelope, by, why] of refused) await assert.rejects(keeper.take(envelope, by), why)
  assert.equal(applied.length, 3)

  keeper = await open()
  assert.deepEqual([applied.at(-1), keeper.version], [3, 3], 'kept, and verified anew')
  const kept = JSON.parse(readFileSync(path, 'utf8')) as { identity: string }
  writeFileSync(path, JSON.stringify({ ...kept, envelope: await other.sign(9) }))
  keeper = await open()
  assert.deepEqual([applied.at(-1), keeper.version], [undefined, 0], 'what was altered counts for nothing')
  await keeper.take(third, identity)
  assert.equal(applied.at(-1), 3)
})
