// SPDX-License-Identifier: Apache-2.0
// The model of the verify page, held to the ledger that wrote the bundles and to the verifier of the command line.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { generateKeyPairSync, sign } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { canonicalize } from '@sealwatch/base'
import { verifyEd25519, verifyRsa } from '@sealwatch/keys'
import {
  type BundleReport,
  cosignedMessage,
  cosignerKey,
  encodeCosignature,
  formatCosignerVkey,
  sha256,
  verifyBundle,
} from '@sealwatch/ledger'
import fc from 'fast-check'
import { type Evidence, examine, type Shown } from '../../apps/verify-page/src/model/evidence.ts'
import { excerptOf } from '../../apps/verify-page/src/model/excerpt.ts'
import { filterRows } from '../../apps/verify-page/src/model/filter.ts'
import { goProgramOf } from '../../apps/verify-page/src/model/go-program.ts'
import { proofOf } from '../../apps/verify-page/src/model/proof.ts'
import { scriptOf } from '../../apps/verify-page/src/model/script.ts'
import { openSampleLedger, sampleSigner, sealTenant, temporary } from '../../packages/ledger/test/sample.ts'
import { sampleSubmission } from '../../packages/ledger/test/sample-submission.ts'
import { bundleOf, materialOf, vkeys } from './material.ts'
import { bundleVectors } from './vectors.ts'

const material = await materialOf(14, 200)
after(() => material[Symbol.asyncDispose]())
const { ledger, sealed, side } = material
const { size } = sealed.checkpoint

const examined = (bundle: Uint8Array, trust: readonly string[] = vkeys): Promise<Evidence> =>
  examine(new Blob([bundle.slice()]), { vkeys: trust, witnesses: [], policy: undefined })

async function shownIn(bundle: Uint8Array): Promise<Shown> {
  const { report, shown } = await examined(bundle)
  assert.equal(report.problem, undefined)
  return shown as Shown
}

const ranges = fc.array(
  fc.tuple(fc.nat(size - 1), fc.nat(40)).map(([from, more]) => ({ from, to: Math.min(size, from + more + 1) })),
  { maxLength: 4 },
)

test('the drawn path of any line of any bundle is the inclusion proof that its ledger gives', async () => {
  assert.ok(size > 2048, 'the tree has several blocks')
  await fc.assert(
    fc.asyncProperty(ranges, fc.boolean(), async (chosen, isRevealed) => {
      const shown = await shownIn(await bundleOf(ledger, sealed, chosen, isRevealed ? side : new Map()))
      for (let row = 0; row < shown.rows; row += 1 + Math.floor(shown.rows / 12)) {
        const line = await shown.line(row)
        const proof = await proofOf(shown, line)
        const due = ledger.inclusion(line.leaf, size).map((hash) => hash.toHex())
        assert.deepEqual(
          proof.steps.map(({ sibling }) => sibling),
          due,
        )
        assert.equal(proof.leafHash, ledger.subtree(0, line.leaf).toHex())
        assert.equal(proof.steps.at(-1)?.hash, sealed.checkpoint.root.toHex())
        const own = await ledger.read(line.leaf, 1)
        assert.deepEqual(Buffer.from(line.bytes), Buffer.from(own[0]?.line as Uint8Array))
        assert.equal(line.side !== undefined, isRevealed && side.has(line.leaf))
      }
    }),
    { numRuns: 25 },
  )
})

test('siblings that stand in gaps as a whole are told from those whose lines are shown', async () => {
  const shown = await shownIn(await bundleOf(ledger, sealed, [{ from: 40, to: 48 }]))
  const { steps } = await proofOf(shown, await shown.line(5))
  for (const { siblingSpan, isWithheld } of steps) {
    const isShown = (leaf: number) => leaf === 0 || (leaf >= 40 && leaf < 48)
    const leaves = Array.from({ length: siblingSpan.to - siblingSpan.from }, (_, i) => siblingSpan.from + i)
    assert.equal(isWithheld, !leaves.some(isShown), JSON.stringify(siblingSpan))
  }
})

test('the script follows the path with openssl alone, and notices an altered line, hash and signature', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-script-'))
  const bundle = await bundleOf(ledger, sealed, [{ from: 1000, to: 1030 }], side)
  const path = join(dir.path, "it's a trail.bundle")
  writeFileSync(path, bundle)
  const shown = await shownIn(bundle)
  const proof = await proofOf(shown, await shown.line(7))
  const run = (script: string, ...args: string[]) =>
    spawnSync('bash', ['-c', script, 'check', ...args], { cwd: dir.path, encoding: 'utf8' })
  const script = scriptOf(proof, "it's a trail.bundle", vkeys)
  const { status, stdout, stderr } = run(script)
  assert.deepEqual([status, stderr], [0, ''])
  const said = stdout.split('\n').map((line) => line.replace(/\+[0-9a-f]{8}\+[0-9a-zA-Z+/=]{44}/, 'KEY'))
  assert.deepEqual(said.slice(0, -1), [
    'ok: the line has the hash of its leaf',
    `ok: leaf ${proof.leaf} stands in sealwatch.test/tenant/0f, size ${size}`,
    'ok: the root ledger names this root',
    `ok: line ${proof.rootLeaf.index} stands in sealwatch.test/root, size ${proof.root.size}`,
    'ok: signed by sealwatch.test/rootKEY',
    'ok: the root ledger holds the delegation',
    `ok: line ${proof.delegation?.index} stands in sealwatch.test/root, size ${proof.root.size}`,
    `ok: the checkpoint of sealwatch.test/root, size ${proof.root.size}, is signed by sealwatch.test/rootKEY`,
    `ok: the checkpoint of sealwatch.test/tenant/0f, size ${size}, is signed by sealwatch.test/tenant/0fKEY`,
  ])

  const rows = bundle.toString().split(/(?<=\n)/)
  const altered = join(dir.path, 'altered')
  writeFileSync(altered, rows.with(proof.fileLine - 1, rows[proof.fileLine - 1]?.replace('a', 'b') as string).join(''))
  assert.match(run(script, altered).stdout, /^WRONG: the line/m)
  const sibling = proof.steps[2]?.sibling as string
  assert.match(
    run(
      script.replace(
        sibling,
        sibling.replace(/^./, (c) => (c === '0' ? '1' : '0')),
      ),
    ).stdout,
    /^WRONG: leaf \d+ stands/m,
  )
  for (const signature of script.match(/(?<=signed [0-9a-f]{64} )[0-9a-f]{128}/g) ?? assert.fail()) {
    const { status, stdout } = run(
      script.replace(
        signature,
        signature.replace(/..$/, (hex) => (hex === '00' ? '01' : '00')),
      ),
    )
    assert.equal(status, 1)
    assert.match(stdout, /^WRONG: .*signed by/m)
  }
})

const go = '/usr/lib/go-1.19/bin/go'
test('the Go program proves the same with the Go project’s packages', {
  skip: !existsSync(go) && 'no Go here',
}, async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-go-'))
  const bundle = await bundleOf(ledger, sealed, [{ from: 1000, to: 1030 }], side)
  const path = join(dir.path, 'a "trail".bundle')
  writeFileSync(path, bundle)
  const shown = await shownIn(bundle)
  const proof = await proofOf(shown, await shown.line(9))
  const run = (program: string) => {
    writeFileSync(join(dir.path, 'check.go'), program)
    const env = { GOPATH: '/usr/share/gocode', GO111MODULE: 'off', CGO_ENABLED: '0', HOME: dir.path }
    return spawnSync(go, ['run', 'check.go'], { cwd: dir.path, encoding: 'utf8', env })
  }
  const program = goProgramOf(proof, 'a "trail".bundle', vkeys)
  const { status, stdout, stderr } = run(program)
  assert.deepEqual([status, stderr], [0, ''])
  assert.match(stdout, new RegExp(`leaf ${proof.leaf} is proven`))
  const signature = /unhex\("[0-9a-f]{64}"\), message, unhex\("([0-9a-f]{128})"/.exec(program)?.[1] as string
  assert.match(
    run(
      program.replace(
        signature,
        signature.replace(/^./, (c) => (c === '0' ? '1' : '0')),
      ),
    ).stdout,
    /^WRONG: by/m,
  )
  const sibling = proof.steps[3]?.sibling as string
  assert.equal(
    run(
      program.replace(
        sibling,
        sibling.replace(/^./, (c) => (c === '0' ? '1' : '0')),
      ),
    ).status,
    1,
  )
})

async function byCommandLine(bundle: Uint8Array, trust: readonly string[]): Promise<BundleReport> {
  async function* whole() {
    yield bundle
  }
  return await verifyBundle(whole(), { sha256, verify: verifyEd25519, trust })
}

for (const { name, text, keys, due } of bundleVectors)
  test(`vector ${name}: the page judges it as the command line does`, async () => {
    const bundle = Buffer.from(text)
    const { report, shown } = await examined(bundle, keys)
    assert.deepEqual(report, await byCommandLine(bundle, keys))
    assert.deepEqual([report.problem?.code, report.problem?.fileLine], [due?.code, due?.fileLine])
    assert.equal(shown !== undefined, report.ok)
    assert.deepEqual((await examined(bundle, [])).report, await byCommandLine(bundle, []))
  })

test('whatever happens to a bundle, page and command line name the same line and reason', async () => {
  const bundle = await bundleOf(ledger, sealed, [{ from: 380, to: 430 }], side)
  const edit = fc.oneof(
    fc.record({ at: fc.nat(bundle.length - 1), cut: fc.nat(3), put: fc.uint8Array({ maxLength: 3 }) }),
    fc.record({ at: fc.nat(bundle.length - 1), cut: fc.nat(bundle.length), put: fc.constant(new Uint8Array(0)) }),
  )
  await fc.assert(
    fc.asyncProperty(edit, async ({ at, cut, put }) => {
      const altered = Buffer.concat([bundle.subarray(0, at), put, bundle.subarray(at + cut)])
      const { report } = await examined(altered)
      assert.deepEqual(report, await byCommandLine(altered, vkeys))
    }),
    { numRuns: 60 },
  )
})

/** The bundle with a cosignature of the root checkpoint by the witness of `seed`, over its text and `more`. */
async function cosigned(
  bundle: Buffer,
  name: string,
  seed: number,
  more = '',
): Promise<{ bundle: Buffer; vkey: string }> {
  const signer = sampleSigner(seed)
  const key = cosignerKey(sha256, name, signer.publicKey)
  const [header = '', ...rest] = bundle.toString().split(/(?<=\n)/)
  const parsed = JSON.parse(header) as { bundle: { root: { checkpoint: string } } }
  const { checkpoint } = parsed.bundle.root
  const text = checkpoint.slice(0, checkpoint.indexOf('\n\n') + 1)
  const payload = encodeCosignature(1_800_000_000, signer.sign(cosignedMessage(text + more, 1_800_000_000)))
  parsed.bundle.root.checkpoint += `— ${name} ${Buffer.concat([key.id, payload]).toString('base64')}\n`
  return { bundle: Buffer.from(`${canonicalize(parsed)}\n${rest.join('')}`), vkey: formatCosignerVkey(key) }
}

test('witnesses that the reader names are looked for, and a wrong word by one of them condemns the bundle', async () => {
  const whole = await bundleOf(ledger, sealed, [{ from: 5, to: 9 }])
  const { bundle, vkey } = await cosigned(whole, 'witness.example/w1', 7)
  const absent = formatCosignerVkey(cosignerKey(sha256, 'witness.example/w2', sampleSigner(8).publicKey))
  const judged = async (text: Buffer, witnesses: string[], policy?: string) => {
    const { report } = await examine(new Blob([text.slice()]), { vkeys, witnesses, policy })
    return report.problem?.code ?? report.witnesses?.cosigned.map(({ name }) => name)
  }
  assert.deepEqual(await judged(bundle, [vkey]), ['witness.example/w1'])
  assert.equal(await judged(bundle, [vkey, absent]), 'BUNDLE_UNWITNESSED')
  const policy = `witness w1 ${vkey}\nwitness w2 ${absent}\ngroup some any w1 w2\nquorum some\n`
  assert.deepEqual(await judged(bundle, [], policy), ['w1'])
  const forged = await cosigned(whole, 'witness.example/w1', 7, 'another text')
  assert.equal(await judged(forged.bundle, [vkey]), 'NOTE_UNVERIFIED')
  assert.equal(await judged(forged.bundle, []), undefined, 'who names no witness passes its word over')
})

test('bytes that are no bundle end in a report, never in an error', async () => {
  const deep = `{"bundle":${'['.repeat(5000)}`
  const wide = '{"bundle":{"v":1}}\n{"gap":{"from":0,"hashes":[],"to":1e999}}\n'
  const given = ['', '\n', 'x', '\u0000'.repeat(70_000), deep, wide, '{"leaves":{"from":0,"hashes":[],"revealed":0}}\n']
  for (const text of given) {
    const { report, shown } = await examined(Buffer.from(text))
    assert.deepEqual([report.ok, shown], [false, undefined])
    assert.match(report.problem?.code ?? '', /^[A-Z_]+$/)
  }
})

test('lines are found by kind and by words, in order', async () => {
  const shown = await shownIn(await bundleOf(ledger, sealed, [{ from: 0, to: size }], side))
  const heads = await filterRows(shown, { text: '', kinds: ['head', 'stub'] })
  assert.equal(heads?.length, shown.kinds.head + shown.kinds.stub)
  const found = (await filterRows(shown, { text: 'SHADOW  reading', kinds: ['event'] })) as Uint32Array
  assert.ok(found.length > 0 && found.length < shown.rows)
  for (const { words, line } of await shown.lines([...found.slice(0, 20)])) {
    assert.match(words.action, /shadow.*reading/)
    assert.ok('event' in line)
  }
  assert.equal(await filterRows(shown, { text: 'shadow', kinds: [] }, undefined, () => true), undefined)
})

test('the excerpt is the named line of the file, cut, whatever its length and place', async () => {
  const file = new Blob([`one\ntwo\n${'é'.repeat(700)}\n`])
  assert.deepEqual(await Promise.all([1, 2, 4, 9].map((line) => excerptOf(file, line))), ['one', 'two', '', ''])
  const long = await excerptOf(file, 3)
  assert.match(long, /^é{300}…$/)
})

test('the page is the same bytes whenever it is built, and names nothing outside of itself', async () => {
  const build = () => execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  const script = `import { buildPage } from ${JSON.stringify(new URL('../../apps/verify-page/make/page.ts', import.meta.url).href)}
    process.stdout.write(await buildPage())`
  const page = build()
  assert.equal(page, build())
  assert.match(page, /default-src 'none'/)
  assert.doesNotMatch(page, /(?:src|href)\s*=\s*["']?(?!#|data:,)[a-z/]/i)
  assert.ok(!page.includes('\u0000'))
})

test('ING-2 rows of services are judged on the page as on the command line, under Ed25519 and RSA', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const [ed, at] = [sampleSigner(9), '2026-11-21T10:00:00.000000000Z']
  const key = (key_id: string, algorithm: 'ed25519' | 'rsa-sha256', public_key: string) => ({
    ...({ producer: 'billing', producer_kind: 'service', key_id, algorithm, public_key, source: 'api' } as const),
    ...({ valid_from: at, valid_until: null, revoked_at: null, state: 'active', change: 'added' } as const),
    ...{ changed_at: at, cause: null, compromised_since: null },
  })
  const rsaKey = key('billing-rsa', 'rsa-sha256', publicKey.export({ type: 'spki', format: 'der' }).toString('hex'))
  const signRsa = (payload: Uint8Array) => sign('sha256', payload, privateKey)
  const judge = async (signature?: string) => {
    await using dir = await temporary()
    const tenant = await openSampleLedger(dir.path)
    const root = await openSampleLedger(dir.path, 'root')
    await tenant.append({ own: { registry: key('billing-1', 'ed25519', ed.publicKey.toHex()) } })
    const { first: registry } = await tenant.append({ own: { registry: rsaKey } })
    await tenant.append({ own: sampleSubmission(['{"n":1}'], ed.sign, { registry }).bodies })
    const byRsa = { id: 'by-rsa', key_id: 'billing-rsa', algorithm: 'rsa-sha256', registry } as const
    const more = signature === undefined ? {} : { signature }
    await tenant.append({ own: sampleSubmission(['{"n":2}', '{"n":3}'], signRsa, { ...byRsa, ...more }).bodies })
    const head = await sealTenant(tenant, root)
    const bundle = await bundleOf(tenant, head, [{ from: 0, to: tenant.size }])
    const trust = { sha256, verify: verifyEd25519, verifyRsa, trust: vkeys }
    const theirs = await verifyBundle(new Blob([bundle.slice()]).stream(), trust)
    const { report } = await examined(bundle)
    await tenant.close()
    await root.close()
    return { theirs, report }
  }
  const good = await judge()
  assert.deepEqual([good.report.ok, good.report.signedByService, good.report.notCovered], [true, 3, 0])
  assert.equal(good.theirs.signedByService, 3)
  const bad = await judge(Buffer.alloc(256, 7).toString('base64'))
  assert.equal(bad.theirs.problem?.code, 'SUBMISSION_UNVERIFIED')
  assert.deepEqual(
    [bad.report.ok, bad.report.problem?.code, bad.report.problem?.fileLine],
    [false, 'SUBMISSION_UNVERIFIED', bad.theirs.problem?.fileLine],
  )
})
