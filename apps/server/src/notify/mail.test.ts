// SPDX-License-Identifier: Apache-2.0
// INC-6: mail to a real mail server, with TLS from the first byte, by STARTTLS, and without only to this machine.

import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type JsonObject, systemClock } from '@sealwatch/base'
import { secretOf } from '@sealwatch/keys'
import { createSendMail, type MailPlan, readMail } from './mail.ts'
import { mailTextOf } from './mail-text.ts'
import { shownTarget, targetOf, unfitOf } from './targets.ts'
import { type Mailbox, startMailbox } from './test/mailbox.ts'

const incident: JsonObject = {
  type: 'guard_incident_opened',
  timestamp: '2026-09-21T14:13:20.000Z',
  data: {
    code: 'guard_incident_opened',
    severity: 'critical',
    tenant: 'acme',
    host: { uid: 'h1', hostname: 'web-1\r\nBcc: thief@evil.example\r\n\r\nhello' },
    incident: 'inc_1\n.\nQUIT',
    link: 'https://sealwatch.example/events?filter=text',
  },
}
const never = new AbortController().signal
const to = (box: Mailbox, by: MailPlan['by'], more: Partial<MailPlan> = {}) =>
  createSendMail(
    { host: '127.0.0.1', port: box.port, by, login: undefined, from: 'sealwatch@example.com', ca: box.ca, ...more },
    systemClock,
  )
const mail = (...addresses: string[]) => ({ id: 'msg_1', to: addresses, ...mailTextOf(incident) })
const login = { user: 'mailer', password: secretOf('hunter2') }

test('INC-6 a mail is taken by TLS and by STARTTLS, after a log-in; no word of a host begins a header, a recipient or another command', async () => {
  for (const by of ['tls', 'starttls'] as const) {
    await using box = await startMailbox({ secure: by === 'tls' })
    assert.deepEqual(await to(box, by, { login })(mail('a@acme.example', 'b@acme.example'), never), { ok: true })
    const [got] = box.got
    assert.ok(got)
    assert.deepEqual([got.from, got.to], ['sealwatch@example.com', ['a@acme.example', 'b@acme.example']])
    assert.deepEqual([got.user, got.isSecure], ['mailer', true])
    const [head = '', ...body] = got.text.split('\r\n\r\n')
    const names = head.split('\r\n').flatMap((line) => /^([A-Za-z-]+):/.exec(line)?.[1] ?? [])
    assert.deepEqual(names.toSorted(), [
      ...['Auto-Submitted', 'Content-Transfer-Encoding', 'Content-Type', 'Date', 'From'],
      ...['MIME-Version', 'Message-ID', 'Subject', 'To'],
    ])
    assert.match(head, /^Message-ID: <msg_1@example\.com>$/m)
    assert.match(body.join(), /sealwatch\.example\/events[\s\S]+sudo \.\/sealwatch alerts --tenant acme/)
    assert.equal(box.got.length, 1)
  }
})

test('INC-6 nothing is said where there is no TLS or another certificate; a refusal for good ends it, another does not; of answers the number alone is told', async () => {
  await using bare = await startMailbox({ disabledCommands: ['STARTTLS'], authOptional: true })
  const plain = await to(bare, 'starttls', { login })(mail('a@acme.example'), never)
  assert.ok(!plain.ok && !plain.over, 'no STARTTLS, no mail')
  await using box = await startMailbox({
    authOptional: true,
    onRcptTo: ({ address }, _session, done) => {
      const responseCode = { 'no@acme.example': 550, 'later@acme.example': 451 }[address]
      done(responseCode === undefined ? null : Object.assign(new Error('inside: 10.0.0.7'), { responseCode }))
    },
  })
  const strange = await to(box, 'starttls', { ca: undefined, login })(mail('a@acme.example'), never)
  assert.ok(!strange.ok && !strange.over)
  assert.deepEqual([bare.shown, box.shown], [[], []], 'no password was shown')
  const wrong = { user: 'mailer', password: secretOf('other') }
  const denied = await to(box, 'starttls', { login: wrong })(mail('a@acme.example'), never)
  assert.deepEqual(denied, { ok: false, problem: 'the mail server answered 535 (EAUTH)', over: false })
  const send = to(box, 'starttls')
  const answered = (code: number) => `the mail server answered ${code} (EENVELOPE)`
  assert.deepEqual(await send(mail('no@acme.example'), never), { ok: false, problem: answered(550), over: true })
  assert.deepEqual(await send(mail('later@acme.example'), never), { ok: false, problem: answered(451), over: false })
  const some = await send(mail('a@acme.example', 'no@acme.example'), never)
  assert.deepEqual(some, { ok: true, problem: '1 of 2 addresses were refused' })
  assert.deepEqual(
    box.got.map(({ to }) => to),
    [['a@acme.example']],
  )
})

test('INC-6 in clear mail leaves for this machine alone, and no name leads to the metadata of a cloud', async () => {
  await using box = await startMailbox({ authOptional: true, disabledCommands: ['STARTTLS'] })
  assert.deepEqual(await to(box, 'plain')(mail('a@acme.example'), never), { ok: true })
  const refused = { ok: false, problem: 'MAIL_REFUSED', over: false }
  for (const [by, address] of [
    ['plain', '10.0.0.1'],
    ['plain', '1.1.1.1'],
    ['tls', '169.254.169.254'],
  ] as const) {
    const plan = { host: 'mail.example', port: box.port, by, login: undefined, from: 'a@example.com', ca: undefined }
    const send = createSendMail(plan, systemClock, async () => [{ address, family: 4 }])
    assert.deepEqual(await send(mail('a@acme.example'), never), refused)
  }
  const gone = await startMailbox()
  await gone[Symbol.asyncDispose]()
  const nobody = await to(gone, 'tls')(mail('a@acme.example'), never)
  assert.deepEqual(nobody, { ok: false, problem: 'ECONNREFUSED', over: false })
})

test('INC-6 a channel leads to https, to one plain address or to the admins, and the ledger names no address', () => {
  for (const text of ['https://a.example/x', 'mailto:on-call+x@a.example', 'admins']) assert.ok(targetOf(text), text)
  for (const text of [
    ...['mailto:', 'mailto:a', 'mailto:a@b', 'mailto:a@b.example,c@d.example', 'mailto:"a b"@c.example'],
    ...[
      'mailto:a@b.example\r\nRCPT TO:<c@d.example>',
      'mailto:a@[127.0.0.1]',
      'mailto:<a@b.example>',
      'mailto:a@b.example?bcc=c',
    ],
    ...[
      'mailto:a..b@c.example',
      `mailto:${'a'.repeat(65)}@c.example`,
      'Admins',
      'http://a.example',
      'a@b.example',
      'mailto:ä@b.example',
    ],
  ])
    assert.equal(targetOf(text), undefined, text)
  assert.deepEqual(
    ['http://127.0.0.1:9/secret', 'hook.example/secret', 'mailto:a', 'https://a:secret@b.example/'].map(unfitOf),
    [
      'a URL of http:',
      'no URL',
      'mailto: and no plain address',
      'a URL that is too long, or has a password or a fragment',
    ],
  )
  const texts = ['https://a.example/secret?k=1', 'mailto:a@b.example', 'admins']
  assert.deepEqual(texts.map(shownTarget), ['https://a.example', 'an e-mail address', 'the admins by e-mail'])
})

test('INC-6 the settings of mail name a server, and a password from a file that is closed to others', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-mail-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const file = join(dir, 'password')
  writeFileSync(file, 'hunter2\n', { mode: 0o600 })
  const set = { smtpUrl: '', smtpUser: '', smtpPassword: '', smtpFrom: 'a@b.example', smtpCaFile: '' }
  assert.equal(readMail(set), undefined)
  const given = { ...set, smtpUrl: 'smtp://mail.example', smtpUser: 'mailer', smtpPassword: `file:${file}` }
  const plan = readMail(given)
  assert.deepEqual(
    [plan?.host, plan?.port, plan?.by, plan?.login?.password.reveal()],
    ['mail.example', 587, 'starttls', 'hunter2'],
  )
  assert.ok(!JSON.stringify(plan).includes('hunter2'))
  for (const [name, value] of [
    ['smtpUrl', 'smtps://user:hunter2@mail.example'],
    ['smtpUrl', 'http://mail.example'],
    ['smtpUrl', 'smtps://'],
    ['smtpUrl', 'smtps://mail.example/x'],
    ['smtpFrom', 'Sealwatch <a@b.example>'],
    ['smtpUser', ''],
    ['smtpPassword', `file:${dir}/none`],
  ] as const)
    assert.throws(
      () => readMail({ ...given, [name]: value }),
      (error: Error & { code: string }) => error.code === 'MAIL_SETTINGS' && !error.message.includes('hunter2'),
      value,
    )
  chmodSync(file, 0o644)
  assert.throws(() => readMail(given), { code: 'MAIL_SETTINGS' })
})
