// SPDX-License-Identifier: Apache-2.0
// Others read our cosignatures: openssl, and the Go project's note package, as docs/formats/witness.md tells them to. And we
// read what witnesses of others wrote (vectors/signed-note).

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createNoteSigner } from '../../src/note-signer.ts'
import { sha256 } from '../../src/sha256.ts'
import { formatCheckpoint } from '../../src/verify/checkpoint.ts'
import { createCosigner } from '../../src/witness/cosigner.ts'
import { sampleSigner, temporary } from '../../test/sample.ts'

const home = await temporary()
after(() => home.remove())

/** The commands of a section of the page. */
async function commandsOf(section: string): Promise<string> {
  const page = await readFile(new URL('../../../../docs/formats/witness.md', import.meta.url), 'utf8')
  return page.split(section)[1]?.split('```sh\n')[1]?.split('```')[0] as string
}

const log = createNoteSigner('example.com/log', sampleSigner(1))
const witness = createCosigner('witness.example/w1', sampleSigner(2))
const other = createCosigner('witness.example/w1', sampleSigner(3))
const text = formatCheckpoint({ origin: 'example.com/log', size: 7, root: sha256(new Uint8Array(0)) })
const timeS = 1_795_262_400
const cosigned =
  log.sign(text) + createCosigner('witness.example/w0', sampleSigner(4)).cosign(text, 1) + witness.cosign(text, timeS)
const published = JSON.parse(
  await readFile(new URL('../../../../vectors/signed-note/notes.json', import.meta.url), 'utf8'),
) as { notes: { note: string; vkeys: string[] }[] }

/** What nobody may accept. */
const bad: [string, string, string][] = [
  ['another size', cosigned.replace('\n7\n', '\n8\n'), witness.vkey],
  ['another key of that name', cosigned, other.vkey],
  ['a cosignature of another time', log.sign(text) + laterBy(witness.cosign(text, timeS)), witness.vkey],
]

function laterBy(line: string): string {
  const [dash = '', name = '', base64 = ''] = line.trim().split(' ')
  const blob = Buffer.from(base64, 'base64')
  blob[11] = (blob[11] as number) + 1
  return `${dash} ${name} ${blob.toString('base64')}\n`
}

const skipOpenssl = spawnSync('openssl', ['version']).status === 0 ? false : 'SKIPPED: no openssl here'

test('openssl accepts a cosignature, ours and the published ones, and none of what was changed', {
  skip: skipOpenssl,
}, async () => {
  const commands = await commandsOf('## 7 Checking a cosignature with openssl')
  const judge = async (note: string, vkey: string) => {
    await writeFile(join(home.path, 'checkpoint'), note)
    await writeFile(join(home.path, 'vkey'), `${vkey}\n`)
    return spawnSync('bash', ['-e', '-c', commands], { cwd: home.path, encoding: 'utf8' })
  }
  const { stdout, status } = await judge(cosigned, witness.vkey)
  assert.deepEqual([stdout, status], ['Signature Verified Successfully\nseen at 2026-11-21T12:00:00Z\n', 0])
  for (const [what, note, vkey] of bad) assert.notEqual((await judge(note, vkey)).status, 0, what)
  const others = published.notes.filter(({ vkeys }) => /\+B[A-Za-z0-9+/]+=*$/.test(vkeys[0] ?? ''))
  assert.ok(others.length >= 3)
  for (const { note, vkeys } of others) assert.equal((await judge(note, vkeys[0] ?? '')).status, 0, note)
})

const needed = ['/usr/lib/go-1.19/bin/go', '/usr/share/gocode/src/golang.org/x/mod/sumdb/note']
const skipGo = needed.every((path) => existsSync(path))
  ? false
  : 'SKIPPED: no Go here; apt-get install golang-1.19-go golang-golang-x-mod-dev'

test("the Go project's notes accept log and witness, and none of what was changed", { skip: skipGo }, async () => {
  const verifier = join(home.path, 'verify-cosignature')
  const [, build = ''] = (await commandsOf('## 8 Checking it with Go')).split('\n')
  execFileSync('bash', ['-c', build.replace('/tmp/verify-cosignature', verifier)], {
    cwd: import.meta.dirname,
    env: { HOME: home.path },
  })
  const judge = async (note: string, vkey: string) => {
    const path = join(home.path, 'cosigned')
    await writeFile(path, note)
    return spawnSync(verifier, [path, log.vkey, vkey], { encoding: 'utf8' })
  }
  const { stdout, stderr } = await judge(cosigned, witness.vkey)
  assert.equal(stderr, '')
  assert.match(
    stdout,
    /^example\.com\/log: size 7, root .*, cosigned by witness\.example\/w1 at 2026-11-21T12:00:00Z\n$/,
  )
  for (const [what, note, vkey] of bad) assert.equal((await judge(note, vkey)).status, 1, what)
})
