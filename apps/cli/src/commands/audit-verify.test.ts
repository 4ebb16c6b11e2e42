// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createPublicKey } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, before, describe, test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { type JsonObject, systemClock, systemDisk } from '@sealwatch/base'
import { type Ed25519Signer, generateSigner } from '@sealwatch/keys'
import {
  createNoteSigner,
  ed25519KeyId,
  openChain,
  openLedger,
  rootLeafAt,
  sha256,
  signCountersignature,
  signDelegation,
  writeBundle,
} from '@sealwatch/ledger'
import { testIo } from '../../test/test-io.ts'
import { renderLedgers } from '../audit/verify-ledgers.ts'
import { run } from '../cli.ts'
import { renderReport } from './audit-verify.ts'

describe('audit verify', () => {
  let dir: string
  let good: string
  let vkeys: string[]
  let logKey: Ed25519Signer

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'sealwatch-verify-'))
    const signer = generateSigner()
    const open = (name: string) => {
      const origin = `d1/${name}`
      const note = createNoteSigner(origin, signer)
      return openLedger({
        dir: join(dir, name),
        tenant: name,
        origin,
        signer: () => note,
        clock: systemClock,
        disk: systemDisk,
      })
    }
    logKey = generateSigner()
    vkeys = [createNoteSigner('d1/root', logKey).vkey]
    const [ledger, root] = [await open('default'), await open('root')]
    for (const word of ['one', 'two', 'three']) await ledger.append({ own: { event: { word } as JsonObject } })
    const checkpoint = await ledger.checkpoint()
    const { origin, size } = checkpoint
    const dsse = [
      { keyid: ed25519KeyId(sha256, logKey.publicKey), sign: async (bytes: Uint8Array) => logKey.sign(bytes) },
    ]
    const nowNs = systemClock.nowNs()
    const now = { atNs: nowNs, fromNs: nowNs }
    const never = new AbortController().signal
    const delegation = await signDelegation({ ...now, origin: root.origin, publicKey: signer.publicKey }, dsse, never)
    const { first } = await root.append({ own: { delegation } })
    const head = { label: '0'.repeat(32), origin, size, root: checkpoint.root.toHex(), prev_size: 0, proof: [] }
    const { first: index } = await root.append({ own: { tenant_head: head } })
    const { note, size: rootSize } = await root.checkpoint()
    const countersignature = await signCountersignature({ ...now, note }, dsse, never)
    const sealed = {
      checkpoint,
      root: { note, size: rootSize, countersignature, ...(await rootLeafAt(root, index, rootSize)) },
      delegation: await rootLeafAt(root, first, rootSize),
    }
    const pieces: Uint8Array[] = []
    for await (const { bytes } of writeBundle({ ledger, sealed, vkeys, ranges: [{ from: 0, to: size }] }))
      pieces.push(bytes)
    good = join(dir, 'good.bundle')
    writeFileSync(good, Buffer.concat(pieces))
    await ledger.close()
    await root.close()
  })
  after(() => rmSync(dir, { recursive: true }))

  async function verify(path: string, ...args: string[]) {
    const io = testIo({ uid: 1000 })
    const code = await run(['audit', 'verify', path, '--data', join(dir, 'nowhere'), ...args], io)
    return { code, out: io.said(), err: io.complained() }
  }

  test('a good bundle verifies with a pinned key, given in any form', async () => {
    const trust = join(dir, 'trust.json')
    writeFileSync(trust, JSON.stringify({ deployment: 'd1', ledgerKeys: vkeys, caFingerprint: '' }))
    const list = join(dir, 'keys')
    writeFileSync(list, `${vkeys.join('\n')}\n`)
    for (const form of [trust, list]) {
      const { code, out } = await verify(good, '--trust', form, '--json')
      assert.equal(code, 0)
      const report = JSON.parse(out)
      assert.deepEqual(
        [report.ok, report.trust, report.lines, report.complete, report.trustSource],
        [true, 'pinned', 4, true, form],
      )
    }
    const { code, out } = await verify(good, '--trust', vkeys.join(','))
    assert.equal(code, 0)
    assert.match(out, /^VERIFIED .*\n +lines +4 of tenant default, the whole ledger/)
  })

  test('trust.json in the data directory is used without being asked for', async () => {
    const data = join(dir, 'data')
    mkdirSync(data)
    writeFileSync(join(data, 'trust.json'), JSON.stringify({ ledgerKeys: vkeys }))
    const io = testIo()
    assert.equal(await run(['audit', 'verify', good, '--data', data], io), 0)
    assert.match(io.said(), /pinned by .*data\/trust\.json/)
  })

  test('without a pinned key it says loudly that the bundle vouches for itself', async () => {
    const { code, out } = await verify(good)
    assert.equal(code, 0)
    assert.match(out, /NOT PINNED/)
    assert.equal(JSON.parse((await verify(good, '--json')).out).trust, 'self-asserted')
  })

  test('the keys of somebody else do not verify it', async () => {
    const other = createNoteSigner('d1/default', generateSigner()).vkey
    const { code, out } = await verify(good, '--trust', other)
    assert.equal(code, 1)
    assert.match(out, /NOT VERIFIED/)
  })

  const lines = () => readFileSync(good, 'utf8').split('\n')
  const damages: [name: string, damage: () => string, where: RegExp][] = [
    [
      'a changed byte',
      () => lines().join('\n').replace('"two"', '"twO"'),
      /first bad line \d+ of the file, leaf 2 of the ledger/,
    ],
    [
      'a removed line',
      () =>
        lines()
          .filter((line) => !line.includes('"two"'))
          .join('\n'),
      /leaf 2 of the ledger/,
    ],
    ['a cut tail', () => lines().slice(0, -2).join('\n'), /first bad line/],
    ['nothing', () => '', /first bad line/],
    ['something else', () => 'hello\n', /first bad line 1 of the file/],
  ]
  for (const [name, damage, where] of damages) {
    test(`${name} is found and named`, async () => {
      const path = join(dir, 'bad.bundle')
      writeFileSync(path, damage())
      const { code, out } = await verify(path, '--trust', join(dir, 'keys'))
      assert.equal(code, 1)
      assert.match(out, /NOT VERIFIED/)
      assert.match(out, where)
      const report = JSON.parse((await verify(path, '--trust', join(dir, 'keys'), '--json')).out)
      assert.equal(report.ok, false)
      assert.ok(report.problem.fileLine >= 1)
    })
  }

  const compressions = { gz: gzipSync, zst: zstdCompressSync }
  for (const [name, compress] of Object.entries(compressions)) {
    test(`an archive (${name}) is verified as it is, and nothing may follow the stream`, async () => {
      const path = join(dir, `good.bundle.${name}`)
      const whole = compress(readFileSync(good))
      const judge = async (bytes: Buffer) => {
        writeFileSync(path, bytes)
        return await verify(path, '--trust', join(dir, 'keys'))
      }
      assert.equal((await judge(whole)).code, 0)
      for (const more of [Buffer.from('more'), Buffer.alloc(1)])
        assert.match((await judge(Buffer.concat([whole, more]))).out, /CLI_ARCHIVE/)
      assert.match((await judge(whole.subarray(0, -3))).out, /CLI_ARCHIVE/)
      assert.match((await judge(Buffer.concat([whole, whole]))).out, /NOT VERIFIED/)
    })
  }

  test('an archive of another kind is to be unpacked first', async () => {
    const path = join(dir, 'good.bundle.xz')
    writeFileSync(path, Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 1))
    assert.match((await verify(path)).err, /CLI_ARCHIVE[\s\S]*xz data[\s\S]*Unpack it first/)
  })

  test('LOG-7: a saved checkpoint is what the next ledger must extend', async () => {
    const [seen, other] = [join(dir, 'seen'), join(dir, 'other')]
    assert.equal((await verify(good, '--save-checkpoint', seen)).code, 0)
    const again = await verify(good, '--since-checkpoint', seen)
    assert.deepEqual([again.code, /extends +the saved checkpoint of 4 leaves/.test(again.out)], [0, true])
    const [origin, size, root = ''] = readFileSync(seen, 'utf8').split('\n')
    writeFileSync(other, `${origin}\n${size}\n${Buffer.from(root, 'base64').fill(0, 0, 1).toString('base64')}\n`)
    const contradicted = await verify(good, '--since-checkpoint', other)
    assert.deepEqual([contradicted.code, /CHECKPOINT_CONTRADICTED/.test(contradicted.out)], [1, true])
    const older = await verify(good, '--since-checkpoint', other.replace(/other$/, 'newer'))
    assert.match(older.err, /Nothing was saved there yet: leave out --since-checkpoint/)
    writeFileSync(other, 'nonsense')
    assert.match((await verify(good, '--since-checkpoint', other)).err, /CLI_CHECKPOINT/)
  })

  test("SIG-1: with the public key of the deployment's signer its word is asked for", async () => {
    const pem = (key: Ed25519Signer) => {
      const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key.publicKey])
      return `-----BEGIN PUBLIC KEY-----\n${spki.toString('base64')}\n-----END PUBLIC KEY-----\n`
    }
    const path = join(dir, 'signer.pem')
    writeFileSync(path, pem(logKey))
    assert.equal((await verify(good, '--signer-key', path)).code, 0)
    writeFileSync(path, pem(generateSigner()))
    assert.match((await verify(good, '--signer-key', path)).out, /BUNDLE_UNTRUSTED/)
    writeFileSync(path, 'no key')
    assert.match((await verify(good, '--signer-key', path)).err, /CLI_TRUST/)
  })

  test('a whole ledger becomes tiles, which verify, and do not when a byte is changed', async () => {
    const out = join(dir, 'tiles')
    const write = async (...args: string[]) => {
      const io = testIo({ uid: 1000 })
      const code = await run(['audit', 'tiles', ...args, '--data', join(dir, 'nowhere')], io)
      return { code, err: io.complained() }
    }
    assert.equal((await write(good, '-o', out, '--trust', vkeys.join(','))).code, 0)
    const vkey = readFileSync(join(out, 'vkey'), 'utf8').trim()
    const verified = await verify(out, '--trust', vkeys.join(','))
    assert.deepEqual([verified.code, /VERIFIED/.test(verified.out)], [0, true])
    assert.match((await verify(out, '--trust', vkey)).out, /BUNDLE_UNTRUSTED/)
    assert.match((await verify(out)).out, /NOT PINNED/)
    const saved = join(dir, 'of-tiles')
    assert.match((await verify(out, '--save-checkpoint', saved)).out, /^ {2}saved +4 leaves of d1\/default to /m)
    assert.match((await verify(out, '--since-checkpoint', saved)).out, /extends +the saved checkpoint of 4/)
    writeFileSync(saved, readFileSync(saved, 'utf8').replace('\n4\n', '\n5\n'))
    assert.match((await verify(out, '--since-checkpoint', saved)).out, /CHECKPOINT_CONTRADICTED.*older/)
    const bundle = join(out, 'tile/entries/000.p/4')
    writeFileSync(bundle, readFileSync(bundle).fill(0x20, 40, 41))
    assert.match((await verify(out)).out, /TILES_ALTERED/)
    rmSync(join(out, 'header.json'))
    assert.match((await verify(out, '--trust', vkey)).out, /TILES_ALTERED/)
    assert.match((await write(good, '-o', out)).err, /CLI_FILE[\s\S]*exists already: choose another/)
    const nowhere = join(dir, 'no/tiles')
    assert.match(
      (await write(good, '-o', nowhere)).err,
      /^sealwatch: writing \S*no\/tiles failed[\s\S]*does not exist: make it/,
    )
    writeFileSync(join(dir, 'cut.bundle'), lines().slice(0, -2).join('\n'))
    assert.match((await write(join(dir, 'cut.bundle'), '-o', join(dir, 'none'))).err, /CLI_NOT_WHOLE/)
    assert.equal(existsSync(join(dir, 'none')) || existsSync(join(dir, 'none.partial')), false)
  })

  test('LOG-7: the ledgers of a data directory are verified where they lie', async () => {
    const { code, out } = await verify(dir, '--trust', join(dir, 'keys'))
    assert.equal(code, 0, out)
    assert.match(out, /✓ root: 3 lines, 3 signed\n {2}✓ tenant default: 4 lines, 4 signed\n {2}trust +pinned/)
    const saved = join(dir, 'of-root')
    assert.match((await verify(dir, '--save-checkpoint', saved)).out, /^ {2}saved +3 leaves of d1\/root to /m)
    const again = await verify(dir, '--since-checkpoint', saved)
    assert.deepEqual([again.code, /extends +the saved checkpoint of 3/.test(again.out)], [0, true])
    const [origin, size, root = ''] = readFileSync(saved, 'utf8').split('\n')
    writeFileSync(saved, `${origin}\n${size}\n${Buffer.from(root, 'base64').fill(0, 0, 1).toString('base64')}\n`)
    assert.match((await verify(dir, '--since-checkpoint', saved)).out, /another root at size 3 than the saved/)
    writeFileSync(saved, `elsewhere\n${size}\n${root}\n`)
    assert.match((await verify(dir, '--since-checkpoint', saved)).out, /elsewhere: LEDGER_BEHIND.*no such ledger/)
    const copy = join(dir, 'copy')
    cpSync(join(dir, 'default'), join(copy, 'ledgers/tenant-default'), { recursive: true })
    cpSync(join(dir, 'root'), join(copy, 'ledgers/root'), { recursive: true })
    const lines = join(copy, 'ledgers/tenant-default/lines/00000000000000000000.ndjson')
    writeFileSync(lines, readFileSync(lines, 'utf8').replace('"two"', '"twO"'))
    assert.doesNotMatch((await verify(copy)).out, /lies beside/)
    writeFileSync(join(copy, 'trust.json'), JSON.stringify({ ledgerKeys: vkeys }))
    assert.match((await verify(copy)).out, /NOT PINNED.*\n.*trust\.json lies beside them.*--trust/)
    const altered = await verify(copy, '--trust', join(dir, 'keys'))
    assert.equal(altered.code, 1)
    assert.match(altered.out, /NOT VERIFIED .*\n {2}✓ root.*\n {2}✗ tenant default at leaf 2: CHAIN_BROKEN/)
    const [, bad] = JSON.parse((await verify(copy, '--json')).out).server.ledgers
    assert.deepEqual([bad.ok, bad.problem.leaf], [false, 2])
  })

  test('LOG-3 LOG-7: the chains of a host are verified where they lie, with what logrotate made of them', async () => {
    const chains = join(dir, 'host/agent/chains/default')
    const place = { dir: chains, tenant: 'default', signer: generateSigner(), clock: systemClock, disk: systemDisk }
    const chain = await openChain({ ...place, segmentBytesMax: 4096, totalBytesMax: 1e6 })
    for (let n = 0; n < 20; n += 1)
      await chain.seal([{ event: { n }, personalPointers: [], timeNs: systemClock.nowNs() }])
    await chain.close()
    const good = await verify(join(dir, 'host'))
    assert.equal(good.code, 0, good.out)
    assert.match(good.out, /✓ chain of default: \d+ lines in \d+ files, .*ends where its key says/)
    const spki = (key: Uint8Array) => Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key])
    const keepKey = (name: string, { publicKey }: { readonly publicKey: Uint8Array }) =>
      writeFileSync(
        join(dir, 'host/agent', name),
        createPublicKey({ key: spki(publicKey), format: 'der', type: 'spki' }).export({ type: 'spki', format: 'pem' }),
      )
    keepKey('host.key', generateSigner())
    keepKey('host.pub', place.signer)
    assert.equal(
      (await verify(join(dir, 'host'))).code,
      0,
      'the private key is not looked at: here it is of somebody else',
    )
    keepKey('host.pub', generateSigner())
    assert.match((await verify(join(dir, 'host'))).out, /✗ chain of default.*CHAIN_MOVED/)
    rmSync(join(dir, 'host/agent/host.pub'))
    assert.match((await verify(join(dir, 'host'), '--save-checkpoint', join(dir, 'none'))).err, /has no checkpoint/)
    const proxy = join(dir, 'proxy/signing-proxy/chains/signing-proxy')
    const audit = await openChain({
      ...place,
      dir: proxy,
      tenant: 'signing-proxy',
      segmentBytesMax: 4096,
      totalBytesMax: 1e6,
    })
    await audit.seal([])
    await audit.close()
    assert.match((await verify(join(dir, 'proxy'))).out, /✓ chain of signing-proxy/)
    const file = readdirSync(chains).find((name) => /^0{16}\.ndjson$/.test(name)) as string
    writeFileSync(join(chains, file), readFileSync(join(chains, file), 'utf8').replace('"n":1}', '"n":7}'))
    const altered = await verify(chains)
    assert.deepEqual(
      [altered.code, /✗ chain of default, 0{16}\.ndjson line \d+: CHAIN_BROKEN/.test(altered.out)],
      [1, true],
    )
    // The agent sets it aside and begins a new one, which is in order; the evidence is told as long as it lies there.
    const next = await openChain({ ...place, segmentBytesMax: 4096, totalBytesMax: 1e6 })
    assert.equal(next.replacesDamaged, true)
    await next.seal([])
    await next.closeEpoch()
    await next.acknowledge(1)
    await next.close()
    const beside = await verify(join(dir, 'host'))
    assert.equal(beside.code, 1)
    assert.match(beside.out, /✓ chain of default: 4 lines/)
    assert.match(beside.out, /✗ chain of default.*CHAIN_BROKEN/)
    for (const name of readdirSync(chains).filter((name) => name.endsWith('.ndjson'))) rmSync(join(chains, name))
    assert.match((await verify(chains)).out, /✗ chain of default.*CHAIN_CUT.*no file of a chain/)
  })

  test('a data directory is read by root, and whoever is not root is told', { skip: process.getuid?.() !== 0 }, () => {
    const data = mkdtempSync(join(tmpdir(), 'sealwatch-closed-'))
    chmodSync(data, 0o711)
    mkdirSync(join(data, 'server'), { mode: 0o700 })
    const script = `process.setuid(65534)
      const { closedFolderIn } = await import(${JSON.stringify(join(import.meta.dirname, '../audit/closed.ts'))})
      console.log(closedFolderIn(${JSON.stringify(data)}))`
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    rmSync(data, { recursive: true })
    assert.equal(stdout, `${data}\n`)
  })

  test('another directory is no evidence', async () => {
    assert.match((await verify(tmpdir())).err, /CLI_NOT_EVIDENCE/)
  })

  test('what is not a key is not taken for trust', async () => {
    writeFileSync(join(dir, 'empty'), '')
    writeFileSync(join(dir, 'wrong'), 'd1/default+00000000+AAAA\n')
    for (const trust of ['empty', 'wrong', 'nowhere'].map((name) => join(dir, name))) {
      const { code, err } = await verify(good, '--trust', trust)
      assert.equal(code, 2)
      assert.match(err, /CLI_TRUST/)
    }
  })

  test('trust that has no end, or is no file, is not read', async () => {
    writeFileSync(join(dir, 'large'), ' '.repeat(64 * 1024 + 1))
    execFileSync('mkfifo', [join(dir, 'pipe')])
    const wrong: [trust: string, said: RegExp][] = [
      ['/dev/null', /not a regular file/],
      [dir, /not a regular file/],
      [join(dir, 'pipe'), /not a regular file/],
      [join(dir, 'large'), /more than 65536 bytes/],
    ]
    for (const [trust, said] of wrong) {
      const { code, err } = await verify(good, '--trust', trust)
      assert.equal(code, 2)
      assert.match(err, said)
    }
  })

  test('a file that is not there', async () => {
    const { code, err } = await verify(join(dir, 'none.bundle'))
    assert.equal(code, 3)
    assert.match(err, /CLI_FILE.*\n.*ENOENT/)
  })
})

test('ING-8: rows that a service signed are told beside the lines of hosts, of a bundle and of a data directory', () => {
  const counts = { lines: 2406, signedByHost: 2390, signedByService: 1, stubs: 0, replayed: 0, unverified: 0 }
  const bundle = {
    ok: true,
    trust: 'pinned',
    tenant: 'acme',
    withheld: 0,
    notCovered: 0,
    size: 2406,
    rootSize: 9,
    ...counts,
  }
  const report = { ...bundle, signers: [], witnesses: undefined } as unknown as Parameters<typeof renderReport>[0]
  assert.match(renderReport(report, 'x', 'trust.json', testIo()), /; 2390 signed by their host, 1 by their service\n/)
  const ledger = { name: 'acme', ok: true, tenant: 'acme', signed: 2406, ...counts }
  const audit = { trust: 'pinned', erased: [], ledgers: [ledger] } as unknown as Parameters<typeof renderLedgers>[0]
  assert.match(renderLedgers(audit, 'trust.json', testIo()), /2390 signed by their hosts, 1 by their services\n/)
})
