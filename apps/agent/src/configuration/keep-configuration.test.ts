// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtempDisposableSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { type Clock, createBell, createLog, systemDisk as disk, rfc3339, systemClock } from '@sealwatch/base'
import { type HostConfig, hostConfigLimits } from '@sealwatch/contract/host-config'
import {
  type AuthorityChain,
  type AuthoritySigner,
  authoritySigner,
  type HostConfigStatement,
  hostConfigDigest,
  signHostConfig,
} from '@sealwatch/keys'
import { type ConfigurationNews, keepConfiguration } from './keep-configuration.ts'

const hostId = 'a'.repeat(32)
const log = createLog(
  'test',
  () => undefined,
  () => 0,
)
let authority: AuthorityChain
let signer: AuthoritySigner
let foreign: AuthoritySigner

/** PEM: a key on P-256 and a certificate of its own. */
function foundAuthority() {
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=CA']
  const pem = execFileSync('openssl', ['req', '-x509', ...made, '-keyout', '-', '-out', '-'], {
    encoding: 'utf8',
    stdio: 'pipe',
  })
  const [key = '', certificate = ''] = pem.match(/-----BEGIN [\s\S]+?-----END [A-Z ]+-----/g) ?? []
  return { key, certificate }
}

before(() => {
  const [own, other] = [foundAuthority(), foundAuthority()]
  authority = [new X509Certificate(own.certificate)]
  signer = authoritySigner(createPrivateKey(own.key), authority)
  // Of another CA under the name of ours: the name finds a signature, and proves nothing.
  foreign = {
    ...authoritySigner(createPrivateKey(other.key), [new X509Certificate(other.certificate)]),
    keyid: signer.keyid,
  }
})

const configOf = (depth: number): HostConfig => ({
  groups: [{ name: 'web', version: depth }],
  policies: [],
  settings: { max_queue_depth: depth },
  watch: [],
})

function signed(version: number, change: Partial<HostConfigStatement> = {}, by = signer): Promise<string> {
  const config = change.config ?? configOf(100 + version)
  const nowNs = systemClock.nowNs()
  const times = { issued_at: rfc3339(nowNs), expires_at: rfc3339(nowNs + 3_600_000_000_000n) }
  const statement = {
    v: 1,
    host: hostId,
    tenant: 'acme',
    version,
    digest: hostConfigDigest(config),
    ...times,
    config,
    ...change,
  } as const
  return signHostConfig(statement, by, AbortSignal.timeout(10_000)).then((envelope) => JSON.stringify(envelope))
}

function kept(path: string, clock: Clock = systemClock) {
  const news: ConfigurationNews[] = []
  let inForce: number | undefined
  const opening = keepConfiguration({
    ...{ path, hostId, tenant: 'acme', authority, disk, clock, log },
    identity: () => '',
    apply: (config) => {
      inForce = config?.settings.max_queue_depth
    },
    onNews: (one) => void news.push(one),
  })
  return { opening, news, depth: () => inForce }
}

function inFolder(run: (path: string) => Promise<void>): () => Promise<void> {
  return async () => {
    using dir = mkdtempDisposableSync(join(tmpdir(), 'sealwatch-configuration-'))
    await run(join(dir.path, 'configuration.json'))
  }
}

test(
  'POL-2 what the CA signed for this host is in force, on trial until the server has heard of it, and after a restart',
  inFolder(async (path) => {
    const one = kept(path)
    const keeper = await one.opening
    assert.deepEqual([one.depth(), keeper.report.version], [undefined, 0])
    assert.equal(await keeper.take(await signed(1)), true)
    assert.deepEqual([one.depth(), keeper.report.onTrial], [101, true])
    await keeper.confirm(7)
    assert.equal(keeper.report.onTrial, true, 'that is another version')
    await keeper.confirm(1)
    assert.equal(keeper.report.onTrial, false)
    const again = kept(path)
    assert.deepEqual((await again.opening).report, keeper.report)
    assert.equal(again.depth(), 101)
  }),
)

const refused: readonly [string, (envelope: () => Promise<string>) => Promise<string>, RegExp][] = [
  ['by another CA', () => signed(2, {}, foreign), /DSSE_UNVERIFIED|trusted key/],
  ['for another host', () => signed(2, { host: 'b'.repeat(32) }), /one for the host b/],
  ['of another tenant', () => signed(2, { tenant: 'zeta' }), /of the tenant zeta/],
  ['that is an old one', () => signed(1, { config: configOf(90) }), /version 1 has been seen/],
  [
    'that was held back',
    () => signed(2, { issued_at: '2020-01-01T00:00:00.000000000Z', expires_at: '2020-01-01T01:00:00.000000000Z' }),
    /one from 2020/,
  ],
  ['that would never end', () => signed(2, { expires_at: '2099-01-01T00:00:00.000000000Z' }), /no such time/],
  ['with another digest', () => signed(2, { digest: '0'.repeat(64) }), /another digest/],
  [
    'with an altered policy',
    () => {
      const config = { ...configOf(200), policies: [{ id: 'p', version: 1, digest: '0'.repeat(64), document: '{}' }] }
      return signed(2, { config })
    },
    /of the policy p/,
  ],
  [
    'that says what nobody may',
    () => signed(2, { config: { ...configOf(200), settings: { max_queue_depth: 1 } } }),
    /another form/,
  ],
  ['of another version of the form', () => signed(2, { v: 2 } as never), /another version of the form/],
  ['that is no envelope', async () => 'x', /envelope/],
  [
    'that was altered on the way',
    async (envelope) => {
      const whole = JSON.parse(await envelope()) as { payload: string }
      const payload = Buffer.from(whole.payload, 'base64').toString().replace('"acme"', '"acmf"')
      return JSON.stringify({ ...whole, payload: Buffer.from(payload).toString('base64') })
    },
    /trusted key/,
  ],
]
for (const [name, made, why] of refused)
  test(
    `POL-2 a configuration ${name} is refused, told, and changes nothing`,
    inFolder(async (path) => {
      const { opening, news, depth } = kept(path)
      const keeper = await opening
      await keeper.take(await signed(1))
      const before = readFileSync(path, 'utf8')
      for (const _twice of [1, 2]) assert.equal(await keeper.take(await made(() => signed(2))), false)
      assert.deepEqual([depth(), keeper.report.version], [101, 1])
      assert.equal(readFileSync(path, 'utf8'), before)
      assert.match(keeper.report.refusedWhy, why)
      assert.deepEqual(
        news.map(({ kind }) => kind),
        ['applied', 'refused'],
        'the same is told once',
      )
      assert.equal(await keeper.take(await signed(2)), true, 'a good one is taken after it')
      assert.equal(keeper.report.refusedWhy, '')
    }),
  )

test(
  'POL-2 where the server is not heard of again, the one before is in force, is told, and the other is not taken again',
  inFolder(async (path) => {
    let ns = 0n
    const slept = createBell()
    const clock: Clock = {
      ...systemClock,
      monotonicNs: () => ns,
      sleep: (_ms, signal) => slept.wait(signal ?? new AbortController().signal),
    }
    const pass = (ms: number) => {
      ns += BigInt(ms) * 1_000_000n
      slept.ring()
    }
    const { opening, news, depth } = kept(path, clock)
    const keeper = await opening
    await keeper.take(await signed(1))
    await keeper.confirm(1)
    const two = await signed(3)
    await keeper.take(await signed(2))
    await keeper.take(two)
    const over = new AbortController()
    const running = keeper.run(over.signal)
    await Promise.resolve()
    pass(hostConfigLimits.trialMs - 1)
    await new Promise(setImmediate)
    assert.equal(depth(), 103)
    const changed = keeper.changed(over.signal)
    pass(1)
    await changed
    assert.deepEqual(
      [depth(), keeper.report.version, keeper.report.refusedVersion],
      [101, 1, 3],
      'nor one that was on trial itself',
    )
    assert.match(keeper.report.refusedWhy, /no word of the server within 5 minutes/)
    assert.equal(news.at(-1)?.kind, 'rolled_back')
    assert.equal(await keeper.take(two), false, 'it is not taken a second time')
    assert.equal(await keeper.take(await signed(4)), true)
    over.abort()
    await running
  }),
)

test(
  'POL-2 what was altered on the disk counts for nothing, and older ones are not taken for that',
  inFolder(async (path) => {
    const first = await kept(path).opening
    await first.take(await signed(5))
    const whole = JSON.parse(readFileSync(path, 'utf8')) as { current: string }
    writeFileSync(path, JSON.stringify({ ...whole, current: whole.current.replace('payload', 'paylaod') }))
    const { opening, depth } = kept(path)
    const keeper = await opening
    assert.deepEqual([depth(), keeper.report.version], [undefined, 0])
    assert.equal(await keeper.take(await signed(5)), false)
    assert.equal(await keeper.take(await signed(6)), true)
    writeFileSync(path, 'no JSON')
    const anew = kept(path)
    await anew.opening
    assert.equal(anew.depth(), undefined)
  }),
)
