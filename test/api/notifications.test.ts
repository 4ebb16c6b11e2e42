// SPDX-License-Identifier: Apache-2.0
// RIM-3, INC-6: who is told at once, from the command line and a host's guard to a webhook that verifies it.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { JsonObject } from '@sealwatch/base'
import { run } from '../../apps/cli/src/cli.ts'
import { testIo } from '../../apps/cli/test/test-io.ts'
import { startMailbox } from '../../apps/server/src/notify/test/mailbox.ts'
import { isGenuine, startReceiver } from '../../apps/server/src/notify/test/receiver.ts'
import { eventually } from '../system/platform.ts'
import { joinHost } from './host.ts'
import { startServer } from './server.ts'

const incident = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../rules/guard-incident-critical.fires.json'), 'utf8'),
) as JsonObject

test('RIM-3 INC-6 admins have an incident told at once by a webhook of theirs, and see that it was; other tenants are told nothing', async () => {
  await using receiver = await startReceiver()
  await using box = await startMailbox()
  await using server = await startServer({
    SEALWATCH_SERVER_WEBHOOK_ORIGINS: receiver.origin,
    SEALWATCH_SERVER_WEBHOOK_CA_FILE: receiver.caFile,
    SEALWATCH_SERVER_SMTP_URL: `smtp://127.0.0.1:${box.port}`,
    SEALWATCH_SERVER_SMTP_USER: 'mailer',
    SEALWATCH_SERVER_SMTP_PASSWORD: 'hunter2',
    SEALWATCH_SERVER_SMTP_FROM: 'sealwatch@example.com',
    SEALWATCH_SERVER_SMTP_CA_FILE: box.caFile,
  })
  for (const name of ['acme', 'zeta']) await server.root('cluster').call('createTenant', { body: { name } })
  await using host = await joinHost(server, 'acme', 'web-1')
  const asked = async (...args: string[]) => {
    const io = testIo({ env: { SEALWATCH_TOKEN: token } })
    const code = await run(['notify', ...args, '--server', server.url, '--json'], io)
    return { code, said: io.said(), complained: io.complained() }
  }
  const actions = ['notification:read', 'notification:manage']
  const { token } = await server.root('acme').call('createToken', { body: { name: 'n', actions, ttl_seconds: 600 } })

  const added = await asked('add', 'pager', `${receiver.origin}/acme?key=hidden`, '--from', 'high')
  assert.equal(added.code, 0, added.complained)
  const { secret, channel } = JSON.parse(added.said) as { secret: string; channel: { channel_id: string } }
  assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/)
  for (const url of ['http://example.com/', 'https://a:b@example.com/', 'x'])
    assert.match(Object.values(await asked('add', 'no', url)).join(), /CHANNEL_TARGET_UNFIT/)
  const inside = JSON.parse((await asked('add', 'inside', 'https://127.0.0.1:1/')).said) as {
    channel: { channel_id: string }
  }
  const tried = await asked('test', inside.channel.channel_id)
  assert.equal(tried.code, 1)
  assert.match(tried.said, /OUTGOING_REFUSED/, 'only who runs the server names what is inside')
  assert.equal((await asked('remove', inside.channel.channel_id)).code, 0)

  assert.equal((await asked('test', channel.channel_id)).code, 0)
  await server
    .root('zeta')
    .call('createNotificationChannel', { body: { name: 'z', target: `${receiver.origin}/zeta` } })
  await server
    .root('cluster')
    .call('createNotificationChannel', { body: { name: 'c', target: `${receiver.origin}/all` } })
  assert.equal((await asked('add', 'on-call', 'mailto:on-call@acme.example')).code, 0)
  const nobody = JSON.parse((await asked('add', 'all', 'admins')).said) as { channel: { channel_id: string } }
  assert.match((await asked('test', nobody.channel.channel_id)).said, /no admin has an e-mail address/)
  const rotated = JSON.parse((await asked('rotate', channel.channel_id)).said) as { secret: string }
  host.see(incident)
  await receiver.came(3)
  await box.came(1)
  assert.deepEqual([box.got[0]?.to, box.got[0]?.user], [['on-call@acme.example'], 'mailer'])
  assert.match(box.got[0]?.text ?? '', /inc_0123456789abcdef/)
  assert.deepEqual(receiver.got.map(({ path }) => path).toSorted(), ['/acme?key=hidden', '/acme?key=hidden', '/all'])
  const [test, told] = receiver.got.filter(({ path }) => path.startsWith('/acme'))
  assert.ok(
    test &&
      told &&
      (await isGenuine(secret, test)) &&
      (await isGenuine(secret, told)) &&
      (await isGenuine(rotated.secret, told)),
  )
  assert.equal(JSON.parse(test.body).type, 'notification_test')
  const { data } = JSON.parse(told.body) as { data: JsonObject }
  assert.deepEqual([data.incident, data.severity, data.tenant], ['inc_0123456789abcdef', 'critical', 'acme'])

  const codes = async (tenant: string) =>
    JSON.stringify((await server.root(tenant).call('listActs', { query: { limit: 100 } })).items)
  await eventually('what was sent stands in the ledgers', async () => {
    const all = [await codes('acme'), await codes('cluster')]
    return all.every((text) => text.includes('took the message')) || undefined
  })
  const acts = await codes('acme')
  assert.match(acts, /pager to https:\/\/127.0.0.1:\d+ was added/)
  assert.ok(!acts.includes('hidden') && !acts.includes(secret))
  assert.ok(!acts.includes('on-call@acme.example') && !acts.includes('hunter2'))
  const listed = (await asked('list')).said
  assert.ok(!listed.includes(secret) && !listed.includes(rotated.secret) && !listed.includes('hunter2'))
  assert.equal((await asked('remove', channel.channel_id)).code, 0)
  assert.equal(JSON.parse((await asked('list')).said).items.length, 2)
})
