// SPDX-License-Identifier: Apache-2.0
// Others read what we write: the Go project's transparency log packages, and openssl, as docs/formats tells them to.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Ledger, SignedCheckpoint } from '../src/log/ledger.ts'
import { tilePath } from '../src/log/tiles.ts'
import { createNoteSigner } from '../src/note-signer.ts'
import {
  bundleOf,
  nodeKey,
  openSampleLedger,
  origins,
  sampleHost,
  sealTenant,
  temporary,
  vkeys,
} from '../test/sample.ts'
import { writeTiles } from '../test/write-tiles.ts'

const vkey = createNoteSigner(origins.tenant, nodeKey).vkey
const otherVkey = vkeys[0] as string
const home = await temporary()
const tiles = join(home.path, 'tiles')
after(() => home.remove())

/** The commands of a page: its first block of shell. */
async function commandsOf(page: string): Promise<string> {
  const text = await readFile(new URL(`../../../docs/formats/${page}`, import.meta.url), 'utf8')
  return text.split('```')[1]?.replace(/^sh\n/, '') as string
}

before(async () => {
  const ledger = await openSampleLedger(home.path)
  const host = sampleHost(1)
  await ledger.append({ own: { key: host.key } })
  for (let i = 0; i < 3; i += 1) await ledger.append(host.verified(host.batch(200)))
  await writeLog(ledger, await ledger.checkpoint(), tiles)
  await ledger.close()
})

/** The tiles of a checkpoint, and proofs for trees up to its size. */
async function writeLog(ledger: Ledger, checkpoint: SignedCheckpoint, dir: string): Promise<void> {
  await writeTiles(ledger, checkpoint, dir)
  const { size } = checkpoint
  const base64 = (hashes: Uint8Array[]) => hashes.map((hash) => hash.toBase64())
  const sizes = [1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 513, size]
  const inclusion = sizes.flatMap((of) =>
    [0, of >> 1, of - 1].map((index) => ({ index, size: of, proof: base64(ledger.inclusion(index, of)) })),
  )
  const consistency = sizes.map((oldSize) => ({
    oldSize,
    newSize: size,
    proof: base64(ledger.consistency(oldSize, size)),
  }))
  await writeFile(join(dir, 'proofs.json'), JSON.stringify({ inclusion, consistency }))
}

const go = '/usr/lib/go-1.19/bin/go'
const needed = [go, '/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog']
const skipGo = needed.every((path) => existsSync(path))
  ? false
  : 'SKIPPED: no Go here; apt-get install golang-1.19-go golang-golang-x-mod-dev'

test('the Go project accepts tiles, checkpoint and proofs, and none that was changed', { skip: skipGo }, async () => {
  const verifier = join(home.path, 'verify-tiles')
  const [, build] = (await commandsOf('tiles.md')).split('\n') as [string, string]
  execFileSync('bash', ['-c', build.replace('/tmp/verify-tiles', verifier)], {
    cwd: import.meta.dirname,
    env: { HOME: home.path },
  })
  const judge = (dir: string, key = vkey) => spawnSync(verifier, [dir, key], { encoding: 'utf8' })
  const { status, stdout, stderr } = judge(tiles)
  assert.equal(stderr, '')
  assert.match(stdout, /^sealwatch\.test\/tenant\/0f: 606 entries, root .*, 48 proofs\n$/)
  assert.equal(status, 0)
  assert.equal(judge(tiles, otherVkey).status, 1)

  const harms: [string, (bytes: Buffer) => Buffer][] = [
    ['checkpoint', (bytes) => Buffer.from(bytes.toString().replace('\n606\n', '\n605\n'))],
    [tilePath('entries', 1, 256), flipAt(5000)],
    [tilePath('entries', 2, 94), (bytes) => bytes.subarray(0, -1)],
    [tilePath(0, 0, 256), flipAt(77)],
    [tilePath(0, 2, 94), flipAt(93 * 32)],
    [tilePath(1, 0, 2), flipAt(32)],
    [
      'proofs.json',
      (bytes) => Buffer.from(bytes.toString().replace(/(?<="proof":\[")./, (first) => (first === '/' ? 'A' : '/'))),
    ],
  ]
  for (const [path, harm] of harms) {
    const copy = join(home.path, 'copy')
    await cp(tiles, copy, { recursive: true })
    await writeFile(join(copy, path), harm(await readFile(join(copy, path))))
    const { status: refused, stderr: reason } = judge(copy)
    assert.equal(refused, 1, path)
    assert.notEqual(reason, '')
    await rm(copy, { recursive: true })
  }
})

const flipAt = (at: number) => (bytes: Buffer) => Buffer.from(bytes).fill((bytes[at] as number) ^ 1, at, at + 1)

const skipOpenssl = spawnSync('openssl', ['version']).status === 0 ? false : 'SKIPPED: no openssl here'

test('openssl accepts the signature of a checkpoint, and none of a changed one', { skip: skipOpenssl }, async () => {
  const commands = await commandsOf('checkpoint.md')
  const note = await readFile(join(tiles, 'checkpoint'), 'utf8')
  const judge = async (text: string, key = vkey) => {
    await writeFile(join(home.path, 'checkpoint'), text)
    await writeFile(join(home.path, 'vkey'), `${key}\n`)
    return spawnSync('bash', ['-c', commands], { cwd: home.path, encoding: 'utf8' })
  }
  const accepted = await judge(note)
  assert.equal(accepted.stdout, 'Signature Verified Successfully\n')
  assert.equal(accepted.status, 0)
  assert.notEqual((await judge(note.replace('\n606\n', '\n605\n'))).status, 0)
  assert.notEqual((await judge(note, otherVkey)).status, 0)
})

const skipJq = skipOpenssl || (spawnSync('jq', ['--version']).status === 0 ? false : 'SKIPPED: no jq here')

test('openssl accepts the delegation of the node key in a bundle, and none of a changed one', {
  skip: skipJq,
}, async () => {
  await using dir = await temporary()
  const [tenant, root] = [await openSampleLedger(dir.path), await openSampleLedger(dir.path, 'root')]
  const bundle = await bundleOf(tenant, await sealTenant(tenant, root), [])
  await tenant.close()
  await root.close()
  const header = bundle.toString().split('\n')[0] as string
  const commands = await commandsOf('delegation.md')
  const judge = async (text: string, key = otherVkey) => {
    await writeFile(join(dir.path, 'header.json'), text)
    await writeFile(join(dir.path, 'trust.json'), JSON.stringify({ ledgerKeys: [key] }))
    return spawnSync('bash', ['-c', commands], { cwd: dir.path, encoding: 'utf8' })
  }
  const accepted = await judge(header)
  assert.deepEqual([accepted.stdout, accepted.stderr], ['Signature Verified Successfully\n', ''])
  const payload = JSON.parse(await readFile(join(dir.path, 'payload'), 'utf8'))
  assert.equal(payload.key, nodeKey.publicKey.toHex())
  const longer = Buffer.from(JSON.stringify({ ...payload, valid_until: '2036-11-22T00:00:00.000000000Z' })).toString(
    'base64',
  )
  assert.notEqual((await judge(header.replace(/(payload\\":\\")[^"\\]+/, `$1${longer}`))).status, 0)
  assert.notEqual((await judge(header, vkey)).status, 0)
})
