// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { testIo } from '../../test/test-io.ts'
import { run } from '../cli.ts'
import { fileOf, placeOf } from '../place.ts'

function folder(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-manifest-'))
  t.after(() => rmSync(dir, { recursive: true }))
  return dir
}

async function sealwatch(...args: string[]) {
  const io = testIo()
  const code = await run(['manifest', ...args], io)
  assert.equal(code, 0, io.complained())
  return { said: io.said(), told: io.complained() }
}

test('SIG-5: each signature is counted against what is needed, and the next step names the right file', async (t) => {
  const dir = folder(t)
  const at = (name: string) => join(dir, name)
  const owners = ['Ada', 'Bo']
  for (const owner of owners) {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    writeFileSync(at(`${owner}.key`), privateKey.export({ type: 'pkcs8', format: 'pem' }))
    writeFileSync(at(`${owner}.pem`), publicKey.export({ type: 'spki', format: 'pem' }))
  }
  const keys = owners.map((owner) => `${owner}=${at(`${owner}.pem`)}`).join(',')
  await sealwatch('root', 'init', '--keys', keys, '--threshold', '2', '-o', at('root.json'))
  const sign = (owner: string) =>
    sealwatch('root', 'sign', at('root.json'), '--key-file', at(`${owner}.key`), '-o', at(`${owner}.json`))
  const { said, told } = await sign('Ada')
  assert.match(said, /^Signed by Ada, .* In this file 1 of 2 have signed\.\n$/)
  assert.match(told, /collect \S+Ada\.json COPY… -o ALL\.json, and: \S+ manifest root apply ALL\.json\n$/)
  await sign('Bo')
  const collected = await sealwatch('collect', at('Ada.json'), at('Bo.json'), '-o', at('all.json'))
  assert.match(collected.said, /^2 signatures in /)
  assert.match(collected.told, /^Next: \.\/sealwatch manifest root apply \S+all\.json\n$/)
  const again = await sealwatch('root', 'sign', at('all.json'), '--key-file', at('Bo.key'))
  assert.match(again.said, /2 of 2 have signed/)
  assert.match(again.told, /Next: \.\/sealwatch manifest root apply \S+all\.json\n$/)
})

test('SIG-5: a manifest that cannot count yet, for want of a trust root, is written with a warning', async (t) => {
  const dir = folder(t)
  const place = placeOf(dir)
  mkdirSync(dirname(fileOf.apiSocket(place)), { recursive: true })
  let items: object[] = []
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ deployment: 'd1', items }))
  })
  await new Promise<void>((resolve) => server.listen(fileOf.apiSocket(place), resolve))
  t.after(() => server.close())
  t.after(() => rmSync(place.run, { recursive: true, force: true }))
  const create = (name: string) =>
    sealwatch('create', 'strict-off', '--hours', '72', '-o', join(dir, name), '--data', dir)
  assert.match((await create('a.json')).told, /WARN no trust root is installed here.*\.\/sealwatch manifest root init/)
  items = [{ version: 1 }]
  assert.doesNotMatch((await create('b.json')).told, /WARN/)
})
