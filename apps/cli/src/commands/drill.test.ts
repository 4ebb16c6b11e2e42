// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { canonicalize } from '@sealwatch/base'
import { generateSigner } from '@sealwatch/keys'
import { createNoteSigner, ed25519KeyId, sha256, signDrill } from '@sealwatch/ledger'
import { sampleReport } from '@sealwatch/ledger/test/drill-report'
import { testIo } from '../../test/test-io.ts'
import { run } from '../cli.ts'
import { fileOf, placeOf } from '../place.ts'

let dir: string
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'sealwatch-drill-command-'))
})
after(() => rmSync(dir, { recursive: true }))

async function call(...args: string[]) {
  const io = testIo({ env: { SUDO_UID: '65534', SUDO_GID: '65533' } })
  const code = await run([...args, '--data', dir], io)
  return { code, out: io.said(), err: io.complained() }
}

/** A signed report of `sampleReport` in a file, and the key to verify it with. */
async function signedReport() {
  const key = generateSigner()
  const signer = { keyid: ed25519KeyId(sha256, key.publicKey), sign: async (message: Uint8Array) => key.sign(message) }
  const report = canonicalize(sampleReport)
  const { drill, outcome, run, tenant, finished: time } = sampleReport
  const digest = sha256(Buffer.from(report)).toHex()
  const statement = {
    v: 1,
    by: 'person:ada',
    digest,
    drill,
    origin: 'example/root',
    outcome,
    run,
    tenant,
    time,
  } as const
  const envelope = await signDrill(statement, [signer], new AbortController().signal)
  const path = join(dir, 'report.json')
  writeFileSync(path, JSON.stringify({ report, envelope }))
  return { path, trust: createNoteSigner('example/root', key).vkey }
}

test('OPS-2 a drill does not begin with what is no URL of a Prometheus: that is an error of the command line', async () => {
  for (const url of ['http://127.0.0.1:19090x', '127.0.0.1:9090', 'file:///etc/passwd']) {
    const { code, err } = await call('drill', 'strict-signature', '--prometheus', url)
    assert.deepEqual([code, /CLI_USAGE/.test(err), err.includes('must be a URL')], [2, true, true], err)
  }
})

test('OPS-2 a report is verified and its verdict said, also where the page has no place', async () => {
  const { path, trust } = await signedReport()
  const page = join(dir, 'page.html')
  writeFileSync(page, 'mine')
  const verify = ['drill', 'verify', path, '--trust', trust, '--page', page]
  const { code, out, err } = await call(...verify)
  assert.match(out, /^VERIFIED /)
  assert.match(err, /CLI_FILE[\s\S]*exists already/)
  assert.equal(code, 3)
  const told = await call(...verify, '--json')
  const said = JSON.parse(told.out)
  assert.deepEqual([told.code, said.verified, said.page_error.code], [3, true, 'CLI_FILE'])
  assert.equal(readFileSync(page, 'utf8'), 'mine')
})

test('OPS-2 what a drill writes belongs to whoever ran it by sudo', async () => {
  const { path, trust } = await signedReport()
  const page = join(dir, 'own.html')
  await call('drill', 'verify', path, '--trust', trust, '--page', page)
  const { uid, gid, mode } = statSync(page)
  assert.deepEqual([uid, gid, mode & 0o777], [65534, 65533, 0o600])
})

test('OPS-2 the list of drills, and one that is shown, look where each drill runs by itself', async () => {
  const place = placeOf(dir)
  const id = '0b8f3c52-7a0e-4d0f-9a39-1d2f6f6f8a10'
  const begun_at = new Date().toISOString()
  const passed = { run: id, drill: 'key-theft', begun_at, begun_by: 'root', ended_at: begun_at, outcome: 'passed' }
  const server = createServer(({ url, headers }, response) => {
    const isThere = headers['sealwatch-tenant'] === 'default'
    const code = url?.endsWith(id) ? 'DRILL_UNKNOWN' : 'TENANT_UNKNOWN'
    const problem = { type: `urn:sealwatch:error:${code}`, status: 404, code, title: 'x', detail: 'x', attempted: 'x' }
    const answer = url?.endsWith(id) ? { run: passed, report: null, envelope: null } : { items: [passed] }
    response.writeHead(isThere ? 200 : 404, {
      'content-type': isThere ? 'application/json' : 'application/problem+json',
    })
    response.end(JSON.stringify(isThere ? answer : problem))
  })
  mkdirSync(dirname(fileOf.apiSocket(place)), { recursive: true })
  await once(server.listen(fileOf.apiSocket(place)), 'listening')
  try {
    const { out, err } = await call('drill', 'list')
    assert.match(out, /key-theft +passed /, err)
    assert.match(out, new RegExp(`${id} +key-theft +default `))
    assert.match((await call('drill', 'show', id)).out, /^Of this drill no report is kept: passed/)
    assert.match((await call('drill', 'show', id, '--tenant', 'drill')).err, /CLI_NOT_FOUND/)
  } finally {
    server.close()
    rmSync(place.run, { recursive: true, force: true })
  }
})

test('OPS-2 what can be read and is no report of a drill is told by what it is', async () => {
  const { trust } = await signedReport()
  const page = join(dir, 'report.html')
  writeFileSync(page, '<!doctype html>')
  const { code, err } = await call('drill', 'verify', page, '--trust', trust)
  assert.match(err, /CLI_DRILL_FILE[\s\S]*found "a page to read"[\s\S]*NAME\.json/)
  assert.equal(code, 2)
  assert.match((await call('drill', 'verify', join(dir, 'none.json'), '--trust', trust)).err, /CLI_FILE[\s\S]*ENOENT/)
})
