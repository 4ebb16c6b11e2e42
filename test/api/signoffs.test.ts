// SPDX-License-Identifier: Apache-2.0
// Sign-offs over the whole control plane: signed, in the ledger, and verified with the log key alone.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Json } from '@sealwatch/base'
import { verifyEd25519 } from '@sealwatch/keys'
import { logKeyVerifier, openSignoff, parseVkey, sha256 } from '@sealwatch/ledger'
import { run } from '../../apps/cli/src/cli.ts'
import { testIo } from '../../apps/cli/test/test-io.ts'
import { startServer, type TestServer } from './server.ts'

let server: TestServer
before(async () => {
  server = await startServer()
  await server.root('cluster').call('createTenant', { body: { name: 'acme' } })
})
after(() => server[Symbol.asyncDispose]())

const text = '# Memory layer\n- [x] restored from a backup\n- [x] p99 below 20 ms\n'
const commit = '9fceb02d0ae598e95dc970b74767f19372d61af8'
const name = 'memory.layer.signoff'
const says =
  (code: string, advice = /./) =>
  (error: unknown) => {
    const { problem } = error as { problem: { code: string; advice?: string } }
    return problem.code === code && advice.test(problem.advice ?? '-')
  }

async function tokenOf(tenant: string, actions: readonly string[]) {
  const body = { name: 'release bot', actions: [...actions], ttl_seconds: 3600 } as never
  return server.by((await server.root(tenant).call('createToken', { body })).token)
}

async function open(envelope: unknown, checklist?: string) {
  const { vkey } = await server.root('acme').call('getLedger')
  const keys = [parseVkey(sha256, vkey)]
  return openSignoff(
    sha256,
    { envelope: envelope as Json, checklist: checklist === undefined ? undefined : Buffer.from(checklist) },
    keys.map((key) => logKeyVerifier(sha256, verifyEd25519, key)),
    keys.map((key) => key.name),
    'the test',
  )
}

test('SIG-7 a sign-off names checklist, commit and final approver; it is signed, in the ledger, and of its tenant alone', async () => {
  const bot = await tokenOf('acme', ['signoff:read', 'signoff:write'])
  const { signoff, ledger } = await bot.call('addSignoff', { body: { name, checklist: { text }, commit } })
  assert.match(signoff.approver, /^machine:/)
  assert.equal(signoff.signed_by, signoff.approver)
  assert.deepEqual([signoff.checklist, signoff.commit, signoff.pull_request], [text, commit, null])

  const verified = await open(signoff.envelope, text)
  assert.deepEqual(
    [verified.id, verified.statement.tenant, verified.statement.name, verified.statement.approver],
    [signoff.id, 'acme', name, signoff.approver],
  )
  await assert.rejects(open(signoff.envelope, `${text} `), { code: 'SIGNOFF_UNVERIFIED' })
  const payload = Buffer.from(JSON.stringify({ ...verified.statement, commit: 'a'.repeat(40) })).toString('base64')
  await assert.rejects(open({ ...signoff.envelope, payload }, text), { code: 'SIGNOFF_UNVERIFIED' })

  const acme = server.root('acme')
  const { items } = await acme.call('listEvents', { query: { limit: 50 } })
  const found = items.find(({ leaf_index }) => leaf_index === ledger.leaf_index)
  assert.ok(found !== undefined)
  const { event } = found.line as unknown as {
    event: { metadata: { event_code: string }; unmapped: { signoff: Record<string, unknown> } }
  }
  assert.equal(event.metadata.event_code, name)
  const { checklist_text, envelope, ...told } = event.unmapped.signoff
  assert.equal(checklist_text, text)
  assert.deepEqual(told, { id: signoff.id, ...verified.statement })
  assert.equal((await open(envelope, text)).id, signoff.id)

  assert.deepEqual((await acme.call('getSignoff', { params: { signoff: signoff.id } })).envelope, signoff.envelope)
  assert.equal((await acme.call('listSignoffs', { query: { name } })).items.length, 1)
  assert.equal((await acme.call('listSignoffs', { query: { name: 'other.signoff' } })).items.length, 0)
  const elsewhere = server.root('default').call('getSignoff', { params: { signoff: signoff.id } })
  await assert.rejects(elsewhere, says('SIGNOFF_UNKNOWN'))
})

test('SIG-7 whoever acts is the approver; the operator names a person who is known; who may not, does not', async () => {
  const acme = server.root('acme')
  const body = { name, checklist: { digest: 'ab'.repeat(32) }, pull_request: 'acme/memory#12' }
  const token = /token create NAME --may signoff:write,signoff:read/
  await assert.rejects(acme.call('addSignoff', { body }), says('SIGNOFF_APPROVER', token))
  await assert.rejects(acme.call('addSignoff', { body: { ...body, approver: 'usr_nobody' } }), says('SIGNOFF_APPROVER'))
  const bot = await tokenOf('acme', ['signoff:write'])
  const another = bot.call('addSignoff', { body: { ...body, approver: 'usr_ann' } })
  await assert.rejects(another, says('SIGNOFF_APPROVER', /^Leave --approver out/))
  const reader = await tokenOf('acme', ['signoff:read'])
  await assert.rejects(reader.call('addSignoff', { body }), says('ACCESS_DENIED'))
  const { signoff } = await bot.call('addSignoff', { body })
  assert.deepEqual([signoff.checklist, signoff.pull_request], [null, 'acme/memory#12'])
})

test('SIG-7 without commit or pull request, under another name, or with a secret in its checklist nothing is signed off', async () => {
  const bot = await tokenOf('acme', ['signoff:read', 'signoff:write'])
  const count = async () => (await bot.call('listSignoffs', { query: {} })).items.length
  const before = await count()
  const good = { name, checklist: { text }, commit }
  const secret = `- [x] key AKIAIOSFODNN7EXAMPLE removed, password=hunter2hunter2\n`
  const cases = [
    [{ name, checklist: { text } }, 'SIGNOFF_INVALID'],
    [{ ...good, name: 'memory.layer' }, 'REQUEST_INVALID'],
    [{ ...good, commit: '9fceb02' }, 'REQUEST_INVALID'],
    [{ ...good, pull_request: 'http://forge.example/1' }, 'REQUEST_INVALID'],
    [{ ...good, checklist: { text: secret } }, 'SIGNOFF_CHECKLIST'],
    [{ ...good, checklist: { text: 'bell \u0007' } }, 'SIGNOFF_CHECKLIST'],
  ] as const
  for (const [body, code] of cases)
    await assert.rejects(bot.call('addSignoff', { body: body as never }), says(code), JSON.stringify(body))
  assert.equal(await count(), before)
})

test('SIG-7 what is signed is the digest of the very bytes, in whatever letters or encoding they are', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-signoffs-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const body = { name: 'signs off', actions: ['signoff:read', 'signoff:write'] as never, ttl_seconds: 3600 }
  const { token } = await server.root('acme').call('createToken', { body })
  const file = join(dir, 'list.md')
  async function signedOff(bytes: Buffer) {
    writeFileSync(file, bytes)
    const io = testIo({ env: { SEALWATCH_TOKEN: token } })
    const options = ['--checklist', file, '--commit', commit, '--server', server.url, '--json']
    assert.equal(await run(['signoff', name, ...options], io), 0, io.complained())
    const { signoff } = JSON.parse(io.said())
    assert.equal(signoff.checklist_digest, sha256(bytes).toHex())
    return signoff.checklist
  }
  const greek = '\ufeff# Abnahme \u2013 \u03bc, e\u0301, \u{1f512}\r\n- [x] gepr\u00fcft\r\n'
  assert.equal(await signedOff(Buffer.from(greek)), greek)
  assert.equal(await signedOff(Buffer.from('gepr\u00fcft\n', 'latin1')), null)
  assert.equal(await signedOff(Buffer.from('\u2713'.repeat(1365))), '\u2713'.repeat(1365))
  assert.equal(await signedOff(Buffer.from('\u2713'.repeat(1366))), null)
})
