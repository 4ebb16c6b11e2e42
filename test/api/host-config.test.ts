// SPDX-License-Identifier: Apache-2.0
// API-4, POL-2: what hosts are told, by groups, from the command line to a host that verifies it.

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { createBell } from '@sealwatch/base'
import type { PolicyStanding } from '@sealwatch/contract'
import type { HostConfig } from '@sealwatch/contract/host-config'
import { generateSigner, type OpenedOrder, openStandingOrder } from '@sealwatch/keys'
import type { ConfigurationNews } from '../../apps/agent/src/configuration/keep-configuration.ts'
import { run } from '../../apps/cli/src/cli.ts'
import { fileOf, placeOf } from '../../apps/cli/src/place.ts'
import { testIo } from '../../apps/cli/test/test-io.ts'
import { eventually } from '../system/platform.ts'
import { joinHost, type TestHost } from './host.ts'
import { startServer, type TestServer } from './server.ts'

let server: TestServer
let host: TestHost
let token: string
let dir: string
let inForce: HostConfig | undefined
const news: ConfigurationNews[] = []
const applied = createBell()
let standings: readonly PolicyStanding[] = []
const stands = createBell()
/** What the hands of the host hold, whose guard speaks for them. */
const guardKey = generateSigner().publicKey
let order: OpenedOrder | undefined
let given: string | undefined
let refusedWhy = ''
const ordered = createBell()

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'sealwatch-host-config-'))
  server = await startServer()
  const actions = ['host:list', 'host:configure', 'policy:read']
  token = (await server.root('default').call('createToken', { body: { name: 'h', actions, ttl_seconds: 600 } })).token
  host = await joinHost(server, 'default', 'web-1', undefined, {
    apply: (config) => {
      inForce = config
      applied.ring()
    },
    onNews: (one) => void news.push(one),
    standings: { now: () => standings, changed: stands.wait },
    hands: {
      now: () => {
        const at = { nowMs: Date.now(), pin: host?.authority, host: host?.hostId }
        if (given !== undefined && host !== undefined) order = openStandingOrder(given, at)
        return { guardKey, version: order?.order.version ?? 0, digest: order?.digest ?? '', refusedWhy }
      },
      changed: ordered.wait,
      take: (envelope) => {
        given = envelope
        ordered.ring()
      },
    },
  })
  ordered.ring()
})
after(async () => {
  await host[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true })
})

async function sealwatch(...args: string[]) {
  const io = testIo({ env: { SEALWATCH_TOKEN: token } })
  const code = await run([...args, '--server', server.url], io)
  return { code, out: io.said(), err: io.complained() }
}
const hostConfig = (...args: string[]) => sealwatch('host', ...args)
const configOf = async () => (await server.root('default').call('getHost', { params: { host_id: host.hostId } })).config

/** Until the server has heard that the host has it, and the host that the server has. */
const settled = (version: number) =>
  eventually(`version ${version} is in force, and no trial any more`, async () => {
    const { desired, reported, drifts } = await configOf()
    const isSo = desired?.version === version && reported?.version === version && !reported.on_trial && !drifts
    return isSo ? true : undefined
  })

function written(name: string, config: object): string {
  const path = join(dir, name)
  writeFileSync(path, JSON.stringify(config))
  return path
}

test('a host is told nothing until somebody says something', async () => {
  assert.deepEqual((await configOf()).desired, null)
  assert.match((await hostConfig('config', 'list')).err, /There is none\..*host config set/)
})

test('what a group says reaches its hosts, signed, is in force there, and stays', async () => {
  const file = written('web.json', { watch: ['/srv/keys'], max_queue_depth: 500 })
  const set = await hostConfig('config', 'set', 'web', file, '--cause', 'the keys are watched', '--base', '0')
  assert.match(
    set.out,
    /^web is at version 1\. It counts .* CONFIG of `sealwatch host list`.*\nSay who is in it: sudo .* assign HOST web --cause TEXT\n$/,
    set.err,
  )
  const assigned = await hostConfig('config', 'assign', 'web-1', 'web', '--cause', 'it serves')
  assert.match(assigned.out, /^web-1 is in web\. It counts .* CONFIG of `sealwatch host list`/)
  await settled(1)
  assert.deepEqual(inForce, {
    groups: [{ name: 'web', version: 1 }],
    policies: [],
    settings: { max_queue_depth: 500 },
    watch: ['/srv/keys'],
  })
  assert.match((await hostConfig('list')).out, /web-1 +alive +web +1 +0\.1\.0/)
  const late = await hostConfig('config', 'set', 'web', file, '--cause', 'x', '--base', '0')
  assert.match(late.err, /GROUP_CHANGED_MEANWHILE/)
})

test('a change is told at once, compared, and rolled back as a version of its own', async () => {
  const file = written('more.json', { watch: ['/srv/keys', 'changes,below:~/.ssh', '/srv/tls'], watcher_buffer: 64 })
  const difference = await hostConfig('config', 'diff', 'web', file)
  assert.equal(difference.code, 1)
  assert.match(difference.out, /max_queue_depth/)
  await hostConfig('config', 'set', 'web', file, '--cause', 'certificates, too')
  await settled(2)
  assert.deepEqual([inForce?.watch, inForce?.watch_entries], [['/srv/keys', '/srv/tls'], ['changes,below:~/.ssh']])
  assert.deepEqual(inForce?.settings, { watcher_buffer: 64 })
  assert.match(
    (await hostConfig('config', 'rollback', 'web', '--version', '1', '--cause', 'too much')).out,
    /web says what version 1 said: version 3\./,
  )
  await settled(3)
  assert.deepEqual([inForce?.watch, inForce?.groups], [['/srv/keys'], [{ name: 'web', version: 3 }]])
  assert.match((await hostConfig('config', 'history', 'web')).out, /^3 +rolled back .*too much\n2 +set .*\n1 +set /m)
})

test('the policies of its tenant that are on go with it, and no others', async () => {
  const rules = [{ id: 'no-shell', action: 'deny', executables: ['/bin/sh'] }]
  const put = (id: string, enabled: boolean) =>
    server.root('default').call('putPolicy', {
      params: { id },
      body: { policy: { type: 'process', name: id, enabled, rules } },
    })
  await put('off', false)
  await put('shells', true)
  await settled(4)
  const [policy, ...others] = inForce?.policies ?? []
  assert.deepEqual([policy?.id, policy?.version, others.length], ['shells', 1, 0])
  assert.equal(JSON.parse(policy?.document ?? '').rules[0].id, 'no-shell')
  await put('shells', false)
  await settled(5)
  assert.deepEqual(inForce?.policies, [])
})

test('POL-2 how a host follows its policies is told of the host and of the policy, and what it should do and does not as such', async () => {
  const put = (port: number, enabled = true) => {
    const rules = [{ id: 'no-telnet', action: 'deny', ports: [port] }]
    return server.root('default').call('putPolicy', {
      params: { id: 'telnet' },
      body: { policy: { type: 'network', name: 'Telnet', mode: 'enforce', enabled, rules } },
    })
  }
  const says = async (means: PolicyStanding['means'], hindrance: string) => {
    standings = [{ policy: 'telnet', version: 1, means, hindrance }]
    stands.ring()
    await eventually(`it says ${means} ${hindrance}`, async () => {
      const [standing] = (await configOf()).reported?.policies ?? []
      return (standing?.means === means && standing.hindrance === hindrance) || undefined
    })
  }
  const reach = async () => {
    const { hosts } = await server.root('default').call('getPolicyReach', { params: { id: 'telnet' } })
    return hosts && Object.fromEntries(Object.entries(hosts).filter(([, count]) => count > 0))
  }
  await put(23)
  await settled(6)
  await says('told', 'no_room')
  assert.match((await hostConfig('show', 'web-1')).out, /telnet +1 +told alone: the kernel has no room for it/)
  assert.deepEqual(await reach(), { not_enforced: 1 })
  assert.match((await sealwatch('policy', 'show', 'telnet')).err, /hosts: NOT ENFORCED: 1/)
  await says('kernel', '')
  assert.match((await hostConfig('show', 'web-1')).out, /telnet +1 +enforced by the kernel/)
  assert.deepEqual(await reach(), { kernel: 1 })
  await put(24)
  assert.deepEqual(await reach(), { behind: 1 })
  await settled(7)
  await put(24, false)
  assert.equal(await reach(), null)
  await settled(8)
})

test('INC-4 what the hands of a host may do is ordered once it tells the key of its guard, withdrawn by a group, and shown', async () => {
  const shown = async () => (await hostConfig('show', 'web-1')).out
  const held = (version: number, steps: string) =>
    eventually(`order ${version} is held`, async () => {
      const { hands } = await server.root('default').call('getHost', { params: { host_id: host.hostId } })
      return (hands?.held.version === version && hands.steps.join() === steps) || undefined
    })
  await held(1, 'kill,kill_tree')
  assert.deepEqual(Buffer.from(order?.guardKey ?? []), Buffer.from(guardKey))
  assert.equal(order?.order.host, host.hostId)
  const until = order?.order.expires_at.slice(0, 10) ?? ''
  assert.match(await shown(), new RegExp(`Hands +may kill, kill tree until ${until}`))
  const guard = (kill: string) => written('guard.json', { watch: ['/srv/keys'], guard: { responses: { kill } } })
  await hostConfig('config', 'set', 'web', guard('off'), '--cause', 'nothing is killed')
  await held(2, '')
  assert.match(await shown(), /Hands +may do nothing: withdrawn/)
  await hostConfig('config', 'set', 'web', guard('on'), '--cause', 'suspects are')
  await held(3, 'kill,kill_tree')
  refusedWhy = 'ORDER_EXPIRED: its clock is ahead'
  ordered.ring()
  await eventually('the refusal is shown', async () => /ORDER_EXPIRED: its clock/.test(await shown()) || undefined)
  await settled(10)
})

test('what is wrong is told with its place, and what comes next', async () => {
  const bad = written('bad.json', { watch: ['etc/shadow'], max_queue_dept: 5, watcher_buffer: 1 })
  const refused = await hostConfig('config', 'set', 'web', bad, '--cause', 'x')
  assert.equal(refused.code, 2)
  assert.match(
    refused.err,
    /watch\[0\]: an absolute path, or one.*; max_queue_dept: no such member.*watcher_buffer: an integer from 16/s,
  )
  assert.match((await hostConfig('config', 'set', 'web', bad)).err, /--cause/)
  assert.match((await hostConfig('config', 'get', 'none')).err, /GROUP_UNKNOWN.*host config list/s)
  assert.match((await hostConfig('config', 'assign', 'web-1', 'none-such', '--cause', 'x')).err, /GROUP_UNKNOWN/)
  const over = server.root('default').call('setHostGroupConfig', {
    params: { group: 'web' },
    body: { config: { watch: ['/a/../b'] }, cause: 'x' },
  })
  await assert.rejects(over, /GROUP_CONFIG_INVALID|without empty names/)
})

test('each act stands in the ledger with who and why', async () => {
  const { items } = await server.root('default').call('listActs', { query: { limit: 100 } })
  const acts = items.flatMap(({ line }) => {
    const { event = {} } = line as { event?: { metadata?: { event_code: string }; unmapped?: Record<string, unknown> } }
    const code = event.metadata?.event_code ?? ''
    return /^host_(config|grouped)/.test(code) ? [[code, event.unmapped?.change_cause]] : []
  })
  const { items: rows } = await server.root('default').call('listActs', { query: { limit: 100 } })
  const codes = JSON.stringify(rows).match(/(?<="event_code":")standing_order_[a-z]+/g)
  assert.deepEqual(codes?.toReversed(), ['standing_order_issued', 'standing_order_withdrawn', 'standing_order_issued'])
  assert.deepEqual(acts, [
    ['host_config_set', 'suspects are'],
    ['host_config_set', 'nothing is killed'],
    ['host_config_rolled_back', 'too much'],
    ['host_config_set', 'certificates, too'],
    ['host_grouped', 'it serves'],
    ['host_config_set', 'the keys are watched'],
  ])
  assert.deepEqual(
    news.map(({ kind }) => kind),
    Array.from({ length: 10 }, () => 'applied'),
  )
})

test('RIM-6 whom somebody lets stands in what the host is told, signed, until it is over; changing the group neither ends nor prolongs it', async (t) => {
  const told = () => inForce?.guard?.allow ?? []
  const lets = (wanted: readonly string[]) =>
    eventually(
      `it lets ${wanted.join(' ')}`,
      async () =>
        told()
          .map(({ exe }) => exe)
          .join() === wanted.join() || undefined,
    )
  const whom = ['--exe', '/usr/bin/gdb', '--user', 'alice', '--target', 'vault']
  const here = placeOf(join(dir, 'here'))
  t.after(() => rmSync(here.run, { recursive: true, force: true }))
  mkdirSync(dirname(fileOf.agentStatus(here)), { recursive: true })
  const guard = { connected: true, protected: 2, names: [{ name: 'billing', processes: 2 }] }
  writeFileSync(fileOf.agentStatus(here), JSON.stringify({ hostId: host.hostId, guard }))
  const why = ['--until', '2h', '--because', 'a crash', '--group', 'web', '--data', here.data]
  const given = await sealwatch('guard', 'allow', ...whom, ...why)
  assert.match(given.out, /reach for what is protected as vault until/)
  assert.match(given.err, /Nothing of that name is protected here now/)
  const [id = ''] = /alw_[0-9a-f]{12}/.exec(given.out) ?? assert.fail(given.err)
  await lets(['/usr/bin/gdb'])
  const { until, by, ...rest } = told()[0] ?? assert.fail()
  assert.deepEqual(rest, { id, exe: '/usr/bin/gdb', user: 'alice', target: 'vault', why: 'a crash' })
  assert.ok(Math.abs(Date.parse(until) - Date.now() - 7_200_000) < 600_000)
  assert.match(by, /^machine:tok_/)
  const row = new RegExp(`${id} +web +/usr/bin/gdb as alice +vault +20.* ${by} +a crash`)
  assert.match((await sealwatch('guard', 'allowances')).out, row)

  const file = written('other.json', { watch: ['/srv/keys'], guard: { cooldown_seconds: 5 } })
  await hostConfig('config', 'set', 'web', file, '--cause', 'something else')
  await eventually('the change is in force', async () => inForce?.guard?.cooldown_seconds === 5 || undefined)
  assert.deepEqual(told()[0]?.until, until)
  assert.doesNotMatch((await hostConfig('config', 'get', 'web')).out, /allow/, 'it can be written again as it is')

  const soon = new Date(Date.now() + 3_000).toISOString()
  await sealwatch('guard', 'allow', '--user', '1000', '--until', soon, '--because', 'at once', '--host', 'web-1')
  await eventually('it lets both', async () => told().length === 2 || undefined)
  assert.match((await hostConfig('list')).out, /web,host-[0-9a-f]{12}/)
  await lets(['/usr/bin/gdb'])
  assert.match((await sealwatch('guard', 'disallow', id)).out, /is over/)
  await lets([])
  assert.match((await sealwatch('guard', 'disallow', id)).err, /ALLOWANCE_UNKNOWN/)
  const { items } = await server.root('default').call('listEvents', { query: { filter: 'text ~ alw_', limit: 10 } })
  const acts = items.map(({ line }) => line.event as { message: string; unmapped: { change_cause: string } })
  assert.equal(acts.length, 3)
  assert.deepEqual(
    acts.map(({ unmapped }) => unmapped.change_cause),
    ['no reason was given', 'at once', 'a crash'],
  )
  assert.ok(!JSON.stringify(items).includes('alice'), 'whose account it is stands in no line')
})

test('RIM-6 an allowance that names nobody, or has no end that is near, is refused with what to write', async () => {
  const tries: [readonly string[], RegExp][] = [
    [['--until', '2h', '--because', 'x'], /Say whom/],
    [['--exe', 'gdb', '--until', '2h', '--because', 'x'], /exe: an absolute path/],
    [['--exe', '/usr/bin/gdb', '--until', '8d', '--because', 'x'], /at most 7 days ahead/],
    [['--exe', '/usr/bin/gdb', '--until', '2000-01-01T00:00:00Z', '--because', 'x'], /until: from now on/],
    [['--exe', '/usr/bin/gdb', '--until', 'soon', '--because', 'x'], /must be as 2h/],
    [['--exe', '/usr/bin/gdb', '--until', '2h'], /Say why/],
    [['--exe', '/usr/bin/gdb', '--target', 'A B', '--until', '2h', '--because', 'x'], /target: at most 64/],
  ]
  for (const [args, why] of tries) assert.match((await sealwatch('guard', 'allow', ...args, '--group', 'web')).err, why)
  assert.match(
    (await sealwatch('guard', 'allow', '--user', 'a', '--until', '1h', '--because', 'x', '--group', 'nobodys')).err,
    /GROUP_UNKNOWN/,
  )
})

test('RIM-5 what guards do is set by one command, each an act with its reason, and nothing else of the group changes', async () => {
  await sealwatch(
    'guard',
    'responses',
    '--kill',
    'on',
    '--cooldown',
    '30',
    '--because',
    'the trial is over',
    '--group',
    'web',
  )
  await sealwatch('guard', 'mode', 'observe', '--because', 'a profiler', '--group', 'web')
  await eventually('in force', async () => inForce?.guard?.mode === 'observe' || undefined)
  const { responses, cooldown_seconds } = inForce?.guard ?? {}
  assert.deepEqual([responses, cooldown_seconds, inForce?.watch], [{ kill: 'on' }, 30, ['/srv/keys']])
  assert.match((await sealwatch('guard', 'mode', 'loud', '--because', 'x')).err, /one of on, observe, off/)
  assert.match((await sealwatch('guard', 'responses', '--because', 'x')).err, /Name a step/)
})
