// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type SensorCounts, type SensorHello, type Site, type SiteCounts, sites } from '../sources/observation.ts'
import {
  consume,
  formatAccount,
  openAccount,
  parseAccount,
  type SensorAccount,
  updateAccount,
} from './sensor-account.ts'

const counts = (of: Partial<Record<Site, Partial<SiteCounts>>> = {}): SensorCounts =>
  Object.fromEntries(
    sites.map((site) => [site, { produced: 0n, dropped: 0n, sent: 0n, repeated: 0n, ...of[site] }]),
  ) as SensorCounts

const hello = (change: Partial<SensorHello> = {}): SensorHello => ({
  kind: 'hello',
  timeNs: 1n,
  era: 'e1',
  sensorVersion: '0',
  kernel: '6.1',
  fresh: true,
  modes: { process: 'ebpf', file: 'ebpf', network: 'none' },
  attached: Object.fromEntries(sites.map((site) => [site, { ok: true, reason: '' }])) as SensorHello['attached'],
  counts: counts(),
  ...change,
})
const restarted = { timeNs: 100n, bootId: 'b', since: 'agent_restarted' } as const
const lived = { timeNs: 100n, bootId: 'b', since: 'agent_lived' } as const
const opened = (change?: Partial<SensorHello>) =>
  openAccount(undefined, hello(change), { ...restarted, timeNs: 10n }).account

test('the first hello ever reveals no gap', () => {
  assert.equal(openAccount(undefined, hello(), restarted).gap, undefined)
})

test('AGT-5 a sensor that died: an interval from the last frame on, and the frames nobody took in', () => {
  let account = opened()
  for (let i = 0; i < 7; i += 1) account = consume(account, 'exec', 20n)
  const { gap, account: after } = openAccount(
    account,
    hello({ counts: counts({ exec: { produced: 12n, dropped: 2n, sent: 10n } }) }),
    lived,
  )
  assert.equal(gap?.cause, 'sensor_died')
  assert.deepEqual([gap?.fromNs, gap?.toNs], [20n, 100n])
  assert.equal(gap?.lost?.exec, 3n)
  assert.equal(after.consumed.exec, 10n)
})

test('a sensor that lived through the agent’s restart: no gap without loss, a gap with it', () => {
  let account = opened()
  for (let i = 0; i < 5; i += 1) account = consume(account, 'exit', 20n)
  const sent = (n: bigint) => hello({ fresh: false, counts: counts({ exit: { produced: n, dropped: 0n, sent: n } }) })
  assert.equal(openAccount(account, sent(5n), restarted).gap, undefined)
  const { gap } = openAccount(account, sent(6n), restarted)
  assert.equal(gap?.cause, 'agent_died')
  assert.equal(gap?.lost?.exit, 1n)
})

test('AGT-8 programs that outlived their sensor: what it had in hand is lost, and only changes of files were not seen', () => {
  const account = consume(opened(), 'exec', 20n)
  const waiting = counts({ exec: { produced: 9n, dropped: 1n, sent: 4n } })
  const adopted = hello({ fresh: false, adopted: true, counts: waiting })
  const { gap, account: after } = openAccount(account, adopted, lived)
  assert.deepEqual([gap?.cause, gap?.lost?.exec, gap?.unseen], ['sensor_died', 3n, ['file_change']])
  assert.equal(after.at, 20n, 'four more wait in the ring')
  const whole = hello({ ...adopted, counts: counts({ exec: { produced: 1n, dropped: 0n, sent: 1n } }) })
  assert.equal(
    openAccount(account, whole, lived).gap?.lost?.exec,
    0n,
    'that a sensor died is told where nothing is missing, too',
  )
  const other = openAccount(account, { ...whole, era: 'e2' }, lived)
  assert.deepEqual([other.gap?.cause, other.gap?.unseen], ['counters_removed', undefined])
})

test('each cause has its name', () => {
  const account = opened()
  const causes = [
    openAccount({ ...account, bootId: 'earlier' }, hello({ era: 'e2' }), restarted),
    openAccount(account, hello({ era: 'e2' }), restarted),
    openAccount({ ...account, stopped: true }, hello(), restarted),
    openAccount(account, hello(), restarted),
  ].map(({ gap }) => gap?.cause)
  assert.deepEqual(causes, ['host_restarted', 'counters_removed', 'agent_stopped', 'agent_died'])
  assert.equal(
    openAccount(account, hello({ era: 'e2' }), restarted).gap?.lost,
    null,
    'counters of another era tell nothing',
  )
})

test('drops are told once, frames that could not be read are a gap', () => {
  let account = consume(opened(), 'openat', 20n)
  const report = {
    kind: 'report',
    timeNs: 2n,
    era: 'e1',
    counts: counts({ openat: { produced: 9n, dropped: 6n, sent: 3n } }),
  } as const
  const first = updateAccount(account, report, 50n)
  assert.equal(first.drop?.dropped.openat, 6n)
  assert.equal(first.gap?.cause, 'frames_unreadable')
  assert.equal(first.gap?.lost?.openat, 2n)
  account = first.account
  const second = updateAccount(account, report, 60n)
  assert.deepEqual([second.drop, second.gap], [undefined, undefined])
})

test('AGT-5 a gap and a drop begin where all was known, by the clock of the kernel, however far behind the agent is', () => {
  const waiting = counts({ exec: { produced: 9n, dropped: 2n, sent: 1n } })
  let account = consume(opened(), 'exec', 20n)
  assert.equal(openAccount(account, hello(), restarted).gap?.fromNs, 20n)

  const report = { kind: 'report', timeNs: 2n, era: 'e1', counts: waiting } as const
  const first = updateAccount(account, report, 50n)
  assert.deepEqual([first.drop?.fromNs, first.drop?.toNs], [10n, 50n], 'dropped since the counters were last read')
  assert.equal(openAccount(first.account, hello(), restarted).gap?.fromNs, 20n, 'six events wait to be sent')

  account = consume(first.account, 'exec', 30n)
  const more = { ...report, counts: counts({ exec: { produced: 9n, dropped: 7n, sent: 2n } }) }
  const second = updateAccount(account, more, 60n)
  assert.deepEqual([second.drop?.fromNs, second.drop?.toNs], [20n, 60n])
  assert.equal(openAccount(second.account, hello(), restarted).gap?.fromNs, 60n, 'nothing waits')
})

test('AGT-5 what a sensor that lived on holds at its hello is not yet known', () => {
  const account = consume(opened(), 'exec', 20n)
  const waiting = hello({ fresh: false, counts: counts({ exec: { produced: 3n, dropped: 0n, sent: 1n } }) })
  const reopened = openAccount(account, waiting, restarted)
  assert.equal(reopened.gap, undefined)
  assert.equal(openAccount(reopened.account, hello(), { ...restarted, timeNs: 200n }).gap?.fromNs, 20n)
})

test('drops while nobody listened are told by the first report after', () => {
  const account = consume(opened(), 'exec', 20n)
  const at = counts({ exec: { produced: 5n, dropped: 4n, sent: 1n } })
  const { account: reopened } = openAccount(account, hello({ fresh: false, counts: at }), restarted)
  assert.equal(
    updateAccount(reopened, { kind: 'report', timeNs: 3n, era: 'e1', counts: at }, 120n).drop?.dropped.exec,
    4n,
  )
})

test('produced = consumed + dropped + lost, over any lives of sensor and agent', () => {
  const step = fc.oneof(
    fc.record({ act: fc.constant('event' as const), seen: fc.boolean() }),
    fc.record({ act: fc.constantFrom('drop' as const, 'report' as const, 'sensor' as const, 'agent' as const) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      let [produced, dropped, sent, consumed, told, lost] = [0n, 0n, 0n, 0n, 0n, 0n]
      const now = () => counts({ exec: { produced, dropped, sent } })
      let account: SensorAccount = opened()
      const take = (result: {
        account: SensorAccount
        gap?: { lost: Partial<Record<Site, bigint>> | null } | undefined
        drop?: { dropped: Partial<Record<Site, bigint>> } | undefined
      }) => {
        account = result.account
        lost += result.gap?.lost?.exec ?? 0n
        told += result.drop?.dropped.exec ?? 0n
      }
      const report = () => take(updateAccount(account, { kind: 'report', timeNs: 1n, era: 'e1', counts: now() }, 1n))
      for (const { act, ...rest } of steps) {
        if (act === 'event') {
          produced += 1n
          sent += 1n
          if (!('seen' in rest && rest.seen)) continue
          consumed += 1n
          account = consume(account, 'exec', 1n)
        } else if (act === 'drop') {
          produced += 1n
          dropped += 1n
        } else if (act === 'report') report()
        else if (act === 'sensor') take(openAccount(account, hello({ counts: now() }), lived))
        else {
          account = parseAccount(formatAccount(account)) as SensorAccount
          take(openAccount(account, hello({ fresh: false, counts: now() }), restarted))
        }
      }
      report()
      assert.equal(produced, consumed + told + lost)
    }),
  )
})

test('the account in a head is read back as it was, and anything else is no account', () => {
  const account = consume(
    opened({ counts: counts({ exec: { produced: 2n ** 60n, dropped: 1n, sent: 5n, repeated: 2n ** 61n } }) }),
    'exec',
    30n,
  )
  assert.deepEqual(parseAccount(formatAccount(account)), account)
  assert.deepEqual(parseAccount(formatAccount({ ...account, stopped: true }))?.stopped, true)
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => parseAccount(value as never) === undefined),
  )
  assert.equal(parseAccount({ at: 'x', era: 'e', boot_id: 'b', sites: {} }), undefined)
})

test('an account of fewer sites is read, and the sites that came since begin at zero', () => {
  const sealed = {
    at: '30',
    counted_at: '30',
    boot_id: 'b',
    era: 'e1',
    sites: { exec: ['2', '0', '2', '2', '0'], gone: ['7'] },
  }
  const account = parseAccount(sealed)
  assert.deepEqual([account?.consumed.exec, account?.consumed.ptrace], [2n, 0n])
  const grown = counts({
    exec: { produced: 2n, dropped: 0n, sent: 2n },
    ptrace: { produced: 3n, dropped: 0n, sent: 3n },
  })
  const { gap } = openAccount(account, hello({ counts: grown }), restarted)
  assert.deepEqual([gap?.lost?.exec, gap?.lost?.ptrace], [0n, 3n])
})
