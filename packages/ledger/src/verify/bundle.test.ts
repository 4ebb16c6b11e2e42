// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { canonicalize, isSealwatchError, type JsonObject, systemDisk } from '@sealwatch/base'
import { type DsseEnvelope, signDsse, verifyEd25519 } from '@sealwatch/keys'
import fc from 'fast-check'
import {
  bundleOf,
  logDsseSigner,
  logKey,
  ndjson,
  never,
  nodeKey,
  openSampleLedger,
  origins,
  sampleHost,
  sampleSigner,
  sealTenant,
  temporary,
  tickingClock,
  vkeys,
} from '../../test/sample.ts'
import { type SealedLine, sealLine } from '../chain/seal.ts'
import { signCountersignature, signDelegation } from '../delegate.ts'
import { openLedger } from '../log/ledger.ts'
import { createNoteSigner } from '../note-signer.ts'
import { sha256 } from '../sha256.ts'
import { createCosigner } from '../witness/cosigner.ts'
import { linkBatch, type VerifiedBatch } from './batch.ts'
import { type BundleReport, verifyBundle } from './bundle.ts'
import { chainStart } from './chain.ts'
import type { Checkpoint } from './checkpoint.ts'
import { delegationType, ed25519KeyId } from './delegation.ts'
import { headText } from './head.ts'
import type { Line } from './line.ts'
import { parseNote } from './note.ts'
import { type Policy, parsePolicy, policyOfAll } from './policy.ts'
import { readBlock } from './read-block.ts'

// Leaves: 0 the ledger's anchor, 1 key of a, 2-5 a's first batch, 6 key of b, 7-9 b's first batch, 10 a stub for a's
// second batch, 11-12 a's third, 13 a line of the ledger itself.
const dir = await temporary()
const tenant = await openSampleLedger(dir.path)
const root = await openSampleLedger(dir.path, 'root')
after(async () => {
  await tenant.close()
  await root.close()
  await dir.remove()
})

const [a, b] = [sampleHost(1), sampleHost(2)]
const side = new Map<number, string>()
const appended = async (host: typeof a, events: number) => {
  const batch = host.batch(events)
  const { first } = await tenant.append(host.verified(batch))
  for (const line of batch.sealed) if (line.side !== undefined) side.set(first + line.seq - batch.firstSeq, line.side)
}
await tenant.append({ own: { key: a.key } })
await appended(a, 2)
await tenant.append({ own: { key: b.key } })
await appended(b, 1)
const lost = a.batch(1)
const stub = { chain: a.chain, first_seq: lost.firstSeq, next_seq: lost.firstSeq + 2, reason: 'invalid_signature' }
await tenant.append({ own: { stub: { ...stub, item: sha256(lost.lines).toHex() } } })
await appended(a, 1)
await tenant.append({ own: { event: { message: 'a finding' } } })
const sealed = await sealTenant(tenant, root)
const size = sealed.checkpoint.size

const all = [{ from: 0, to: size }]
const complete = await bundleOf(tenant, sealed, all, side)
const sparse = await bundleOf(tenant, sealed, [{ from: 6, to: 10 }], side)

type Given = Uint8Array | string | readonly (Uint8Array | string)[]
async function* chunksOf(given: Given): AsyncGenerator<Uint8Array> {
  for (const chunk of Array.isArray(given) ? given : [given]) yield Buffer.from(chunk as Uint8Array)
}
let verified = 0
/** Whatever is given, reading ahead on another thread changes nothing: looked at in one case of four, for time's sake. */
async function verify(
  given: Given,
  trust: readonly string[] = vkeys,
  onLine?: (line: Line, leaf: number) => void,
): Promise<BundleReport> {
  const checks = { sha256, verify: verifyEd25519, trust }
  const elsewhere = async (block: Uint8Array) => structuredClone(readBlock(sha256, block))
  const report = await verifyBundle(chunksOf(given), { ...checks, ...(onLine === undefined ? {} : { onLine }) })
  if (verified++ % 4 > 0) return report
  const ahead = await verifyBundle(chunksOf(given), {
    ...checks,
    blockReader: { bytes: 0, atOnce: 2, read: elsewhere },
  })
  assert.deepEqual(ahead, report)
  return report
}

const rowsOf = (bundle: Buffer) => bundle.toString('utf8').split(/(?<=\n)/)

/** Not ok, and the problem stands on a line of the file, or just after its last. */
function assertRefused(report: BundleReport, fileLines: number, what: string): void {
  assert.equal(report.ok, false, what)
  const { problem } = report
  assert.ok(
    problem !== undefined && problem.fileLine >= 1 && problem.fileLine <= fileLines + 1,
    `${what}: ${problem?.fileLine}`,
  )
  assert.match(problem.code, /^[A-Z_]+$/)
}

test('a complete bundle is verified, and the report says what it holds', async () => {
  const seen: number[] = []
  const report = await verify(complete, vkeys, (_line, leaf) => void seen.push(leaf))
  assert.deepEqual(report, {
    ok: true,
    problem: undefined,
    tenant: 'default',
    origin: origins.tenant,
    size: 14,
    lines: 14,
    withheld: 0,
    signedByHost: 9,
    signedByService: 0,
    notCovered: 0,
    stubs: 1,
    replayed: 0,
    unverified: 0,
    revealed: 4,
    complete: true,
    rootSize: 3,
    signers: [origins.root],
    nodeKey: { validFrom: '2026-11-21T00:00:00.000000000Z', validUntil: '2026-11-22T00:00:00.000000000Z' },
    countersigned: { time: '2026-11-21T00:00:00.000000001Z', signers: [logDsseSigner.keyid] },
    witnesses: undefined,
    since: undefined,
    trust: 'pinned',
  })
  assert.deepEqual(seen, [...Array(14).keys()])
})

test('a sparse bundle is verified, and says what it withholds', async () => {
  const report = await verify(sparse)
  const { ok, complete: isComplete, lines, withheld, signedByHost, notCovered, stubs, revealed } = report
  assert.deepEqual(
    { ok, isComplete, lines, withheld, signedByHost, notCovered, stubs, revealed },
    { ok: true, isComplete: false, lines: 5, withheld: 9, signedByHost: 3, notCovered: 0, stubs: 0, revealed: 1 },
  )
})

test('every choice of leaves makes a bundle that verifies and counts right', async () => {
  const leaf = fc.nat(size)
  const ranges = fc.array(
    fc.tuple(leaf, leaf).map(([x, y]) => ({ from: Math.min(x, y), to: Math.max(x, y) })),
    { maxLength: 4 },
  )
  await fc.assert(
    fc.asyncProperty(ranges, async (chosen) => {
      const shown = new Set([
        0,
        ...chosen.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i)),
      ])
      const seen: number[] = []
      const report = await verify(
        await bundleOf(tenant, sealed, chosen, side),
        vkeys,
        (_line, at) => void seen.push(at),
      )
      assert.deepEqual(
        seen,
        [...shown].sort((x, y) => x - y),
      )
      assert.equal(report.problem, undefined)
      assert.equal(report.lines + report.withheld, size)
      assert.equal(report.complete, report.withheld === 0)
      const ofHosts = [...shown].filter((at) => ![0, 1, 6, 10, 13].includes(at)).length
      assert.equal(report.signedByHost + report.notCovered, ofHosts)
    }),
    { numRuns: 100 },
  )
})

test('a line whose head is withheld counts as not covered, also when others follow the gap', async () => {
  const alone = await verify(await bundleOf(tenant, sealed, [{ from: 1, to: 4 }], side))
  assert.deepEqual([alone.ok, alone.signedByHost, alone.notCovered], [true, 0, 2])
  const before = await verify(
    await bundleOf(
      tenant,
      sealed,
      [
        { from: 1, to: 4 },
        { from: 6, to: 10 },
      ],
      side,
    ),
  )
  assert.deepEqual([before.ok, before.signedByHost, before.notCovered], [true, 3, 2])
})

test('every byte, changed in several ways, is noticed', async () => {
  const small = await bundleOf(tenant, sealed, [{ from: 0, to: 4 }], side)
  const fileLines = rowsOf(small).length
  for (const change of [(byte: number) => byte ^ 0x01, (byte: number) => byte ^ 0x20, (byte: number) => byte ^ 0x80]) {
    for (let at = 0; at < small.length; at += 1) {
      const altered = Buffer.from(small)
      altered[at] = change(altered[at] as number)
      assertRefused(await verify(altered), fileLines + 1, `byte ${at}`)
    }
  }
})

test('every changed line is named', async () => {
  const rows = rowsOf(complete)
  for (const [i, row] of rows.entries()) {
    const altered = Buffer.from(row)
    altered[row.length >> 1] = (altered[row.length >> 1] as number) ^ 0x04
    const { problem } = await verify(rows.with(i, altered.toString('latin1')).map((text) => Buffer.from(text, 'utf8')))
    assert.equal(problem?.fileLine, isRecordOfHashes(row) ? problem?.fileLine : i + 1, row)
  }
})

const isRecordOfHashes = (row: string) => row.startsWith('{"leaves"') || row.startsWith('{"gap"')

test('every line that is missing, doubled or changed places is noticed', async () => {
  for (const bundle of [complete, sparse]) {
    const rows = rowsOf(bundle)
    for (const [i, row] of rows.entries()) {
      assertRefused(await verify(rows.toSpliced(i, 1)), rows.length, `without line ${i + 1}`)
      assertRefused(await verify(rows.toSpliced(i, 0, row)), rows.length + 1, `line ${i + 1} twice`)
      const next = rows[i + 1]
      if (next !== undefined)
        assertRefused(await verify(rows.toSpliced(i, 2, next, row)), rows.length, `lines ${i + 1} and ${i + 2} swapped`)
    }
  }
})

test('the first wrong line is the one that is named', async () => {
  const rows = rowsOf(complete)
  const at = rows.findIndex((row) => row.includes('process 1'))
  const removed = await verify(rows.toSpliced(at, 1))
  assert.equal(removed.problem?.fileLine, at + 1)
  assert.equal(removed.problem?.leaf, 4)
  const swapped = await verify(rows.toSpliced(at, 2, rows[at + 1] as string, rows[at] as string))
  assert.equal(swapped.problem?.fileLine, at + 1)
  const altered = await verify(rows.with(at, (rows[at] as string).replace('process 1', 'process 9')))
  assert.deepEqual([altered.problem?.fileLine, altered.problem?.code], [at + 1, 'BUNDLE_ALTERED'])
})

test('every tail that is cut off is noticed, at whatever byte', async () => {
  for (const [bundle, step] of [
    [sparse, 1],
    [complete, 13],
  ] as const) {
    const fileLines = rowsOf(bundle).length
    for (let length = 0; length < bundle.length; length += step)
      assertRefused(await verify(bundle.subarray(0, length)), fileLines, `${length} bytes`)
  }
  const rows = rowsOf(complete)
  for (const [i] of rows.entries()) {
    const { problem } = await verify(rows.slice(0, i))
    assert.equal(problem?.fileLine, i + 1)
  }
})

test('a record that ends without its newline is named, not the one before', async () => {
  const rows = rowsOf(complete)
  const { problem } = await verify(complete.subarray(0, -1))
  assert.deepEqual([problem?.fileLine, problem?.code], [rows.length, 'BUNDLE_MALFORMED'])
  assert.equal((await verify('')).problem?.fileLine, 1)
})

test('what follows the end is noticed', async () => {
  const rows = rowsOf(complete)
  for (const extra of [
    '\n',
    'x\n',
    '{}\n',
    '{"reveal":{}}\n',
    rows.at(-1),
    '{"gap":{"from":14,"hashes":[],"to":14}}\n',
  ])
    assertRefused(await verify([complete, extra as string]), rows.length + 1, JSON.stringify(extra))
})

test('it does not matter in what pieces a bundle comes', async () => {
  const due = await verify(complete)
  const cuts = fc.array(fc.nat(complete.length), { maxLength: 20 })
  await fc.assert(
    fc.asyncProperty(cuts, async (places) => {
      const edges = [0, ...places.sort((x, y) => x - y), complete.length]
      const pieces = edges.slice(1).map((to, i) => complete.subarray(edges[i], to))
      assert.deepEqual(await verify(pieces), due)
    }),
    { numRuns: 30 },
  )
})

const without = (object: JsonObject, member: string) =>
  Object.fromEntries(Object.entries(object).filter(([name]) => name !== member))

/** The bundle with its header changed. */
function withHeader(bundle: Buffer, change: (header: Record<string, unknown>) => unknown): Buffer {
  const [first, ...rest] = rowsOf(bundle) as [string, ...string[]]
  const { bundle: header } = JSON.parse(first) as { bundle: Record<string, unknown> }
  return Buffer.from([`${canonicalize({ bundle: change(header) as object })}\n`, ...rest].join(''))
}

test('a header that claims something else is refused', async () => {
  const rootOf = (header: Record<string, unknown>) => header.root as JsonObject
  const changes: [string, (header: Record<string, unknown>) => unknown][] = [
    ['another tenant', (header) => ({ ...header, tenant: 'other' })],
    ['a version to come', (header) => ({ ...header, v: 3 })],
    ['the first version', (header) => ({ ...header, v: 1 })],
    ['a member more', (header) => ({ ...header, more: 1 })],
    ['a member less', ({ tenant: _, ...header }) => header],
    ['no root', (header) => ({ ...header, root: null })],
    ['the root ledger in the place of the tenant', (header) => ({ ...header, checkpoint: rootOf(header).checkpoint })],
    [
      'the tenant in the place of the root ledger',
      (header) => ({ ...header, root: { ...rootOf(header), checkpoint: header.checkpoint } }),
    ],
    ['another place in the root ledger', (header) => ({ ...header, root: { ...rootOf(header), index: 0 } })],
    ['a place outside', (header) => ({ ...header, root: { ...rootOf(header), index: 3 } })],
    ['no proof', (header) => ({ ...header, root: { ...rootOf(header), proof: [] } })],
    ['a delegation that is a head', (header) => ({ ...header, delegation: header.root })],
    ['no delegation', (header) => ({ ...header, delegation: null })],
    [
      'a delegation without proof',
      (header) => ({ ...header, delegation: { ...(header.delegation as JsonObject), proof: [] } }),
    ],
    [
      'no member for a countersignature',
      (header) => ({ ...header, root: without(rootOf(header), 'countersignature') }),
    ],
    [
      'a countersignature by nobody',
      (header) => ({ ...header, root: { ...rootOf(header), countersignature: { signatures: [] } } }),
    ],
    ['no keys', (header) => ({ ...header, keys: [] })],
    [
      'a key that signed nothing',
      (header) => ({ ...header, keys: [...vkeys, createNoteSigner('x', sampleSigner(9)).vkey] }),
    ],
    ['too many keys', (header) => ({ ...header, keys: Array(17).fill(vkeys[0]) })],
  ]
  for (const [what, change] of changes) {
    for (const trust of [vkeys, []]) {
      if (what === 'no keys' && trust === vkeys) continue
      assertRefused(await verify(withHeader(complete, change), trust), rowsOf(complete).length, what)
    }
  }
})

test('LOG-7: a ledger is held against a checkpoint of it from before', async () => {
  const { origin } = sealed.checkpoint
  const judge = async (bundle: Buffer, since: Checkpoint) => {
    const report = await verifyBundle(chunksOf(bundle), { sha256, verify: verifyEd25519, trust: vkeys, since })
    return report.problem?.code ?? report.since
  }
  const wordsOf = async (since: Checkpoint) =>
    (await verifyBundle(chunksOf(complete), { sha256, verify: verifyEd25519, trust: vkeys, since })).problem?.message
  for (const at of [0, 1, 7, 13, size]) {
    const root = at === 0 ? sha256(new Uint8Array(0)) : tenant.rootAt(at)
    assert.equal(await judge(complete, { origin, size: at, root }), at)
    if (at === 0) continue
    assert.equal(await judge(complete, { origin, size: at, root: sha256(root) }), 'CHECKPOINT_CONTRADICTED')
  }
  const one = { origin, size: 6, root: tenant.rootAt(6) }
  assert.equal(await judge(complete, { ...one, origin: `${origin}f` }), 'CHECKPOINT_CONTRADICTED')
  assert.equal(await judge(complete, { ...one, size: size + 1 }), 'CHECKPOINT_CONTRADICTED')
  const older = await wordsOf({ ...one, size: size + 1 })
  assert.match(older ?? '', /older than the saved checkpoint.*export again/)
  assert.doesNotMatch(older ?? '', /a lie/)
  assert.equal(await judge(sparse, one), 6)
  assert.equal(await judge(sparse, { origin, size: 3, root: tenant.rootAt(3) }), 'CHECKPOINT_CONTRADICTED')
})

const dayNs = 86_400_000_000_000n
const dayStartNs = 1_795_219_200_000_000_000n

/** The complete bundle of one line under another delegation, countersigned at `atNs`. */
async function certifiedBundle(delegation: DsseEnvelope, atNs = dayStartNs + 1n, by = [logDsseSigner]) {
  await using elsewhere = await temporary()
  const ledger = await openSampleLedger(elsewhere.path)
  const itsRoot = await openSampleLedger(elsewhere.path, 'root')
  const { root, ...rest } = await sealTenant(ledger, itsRoot, delegation)
  const countersignature = await signCountersignature({ note: root.note, atNs }, by, never)
  const bundle = await bundleOf(ledger, { ...rest, root: { ...root, countersignature } }, [{ from: 0, to: 1 }])
  await ledger.close()
  await itsRoot.close()
  return bundle
}
const certified = { origin: origins.root, publicKey: nodeKey.publicKey, fromNs: dayStartNs }
const stranger = {
  keyid: ed25519KeyId(sha256, sampleSigner(9).publicKey),
  sign: async (message: Uint8Array) => sampleSigner(9).sign(message),
}

test('SIG-8: a node key counts only as far as a trusted key certifies it', async () => {
  const delegate = (changes: object = {}, by = [logDsseSigner]) =>
    signDelegation({ ...certified, ...changes }, by, never)
  const codeOf = async (bundle: Buffer) => (await verify(bundle)).problem?.code
  assert.equal(await codeOf(await certifiedBundle(await delegate())), undefined)
  assert.equal(await codeOf(await certifiedBundle(await delegate({}, [stranger]))), 'BUNDLE_UNTRUSTED')
  assert.equal(await codeOf(await certifiedBundle(await delegate({ publicKey: logKey.publicKey }))), 'BUNDLE_UNTRUSTED')
  assert.equal(
    await codeOf(await certifiedBundle(await delegate({ origin: 'sealwatch.test/other' }))),
    'BUNDLE_UNTRUSTED',
  )
  // Its head was written when the day of the key was over.
  assert.equal(await codeOf(await certifiedBundle(await delegate({ fromNs: dayStartNs - dayNs }))), 'BUNDLE_UNTRUSTED')
  const weekLong = {
    key: nodeKey.publicKey.toHex(),
    origin: origins.root,
    v: 1,
    valid_from: '2026-11-21T00:00:00.000000000Z',
  }
  const long = { ...weekLong, valid_until: '2026-11-28T00:00:00.000000000Z' }
  const tooLong = await signDsse(delegationType, Buffer.from(canonicalize(long)), [logDsseSigner], never)
  assert.equal(await codeOf(await certifiedBundle(tooLong)), 'DELEGATION_MALFORMED')
})

test('a countersignature is of this checkpoint, by a trusted key, within the day of the node key', async () => {
  const delegation = await signDelegation(certified, [logDsseSigner], never)
  const codeOf = async (bundle: Buffer) => (await verify(bundle)).problem?.code
  for (const atNs of [dayStartNs - 1n, dayStartNs + dayNs])
    assert.equal(await codeOf(await certifiedBundle(delegation, atNs)), 'BUNDLE_UNTRUSTED')
  assert.equal(await codeOf(await certifiedBundle(delegation, dayStartNs, [stranger])), 'BUNDLE_UNTRUSTED')
  const of = (header: Record<string, unknown>) => (header.root as JsonObject).countersignature as JsonObject
  const other = JSON.parse(rowsOf(await certifiedBundle(delegation))[0] as string).bundle
  const swapped = withHeader(complete, (header) => ({
    ...header,
    root: { ...(header.root as JsonObject), countersignature: of(other) },
  }))
  assert.equal(await codeOf(swapped), 'BUNDLE_UNTRUSTED')
  const none = withHeader(complete, (header) => ({
    ...header,
    root: { ...(header.root as JsonObject), countersignature: null },
  }))
  const report = await verify(none)
  assert.deepEqual([report.ok, report.countersigned], [true, undefined])
})

test('SIG-1: a verifier that knows the signer of the deployment asks for its word, too', async () => {
  const judge = (keyid: string, publicKey: Uint8Array) => ({
    keyid,
    verify: (message: Uint8Array, signature: Uint8Array) => verifyEd25519(publicKey, message, signature),
  })
  const [both, known] = [[logDsseSigner, stranger], judge(stranger.keyid, sampleSigner(9).publicKey)]
  const whole = await certifiedBundle(await signDelegation(certified, both, never), dayStartNs, both)
  const check = async (bundle: Buffer) =>
    verifyBundle(chunksOf(bundle), { sha256, verify: verifyEd25519, trust: vkeys, auditSigner: known })
  assert.deepEqual((await check(whole)).countersigned?.signers, [logDsseSigner.keyid, stranger.keyid])
  assert.equal((await check(complete)).problem?.code, 'BUNDLE_UNTRUSTED')
  const half = await certifiedBundle(await signDelegation(certified, both, never), dayStartNs, [logDsseSigner])
  assert.equal((await check(half)).problem?.code, 'BUNDLE_UNTRUSTED')
})

test('a verifier that knows witnesses asks for their quorum, and the report says who cosigned and when', async () => {
  const [one, two] = [createCosigner('w/1', sampleSigner(0x51)), createCosigner('w/2', sampleSigner(0x52))]
  const line = `witness one ${one.vkey}\nwitness two ${two.vkey}\n`
  const timeS = 1_795_262_400
  const cosigned = (...lines: string[]) =>
    withHeader(sparse, (header) => {
      const root = header.root as JsonObject
      return { ...header, root: { ...root, checkpoint: `${root.checkpoint}${lines.join('')}` } }
    })
  const rootNote = (JSON.parse(rowsOf(sparse)[0] as string).bundle.root as { checkpoint: string }).checkpoint
  const text = parseNote(rootNote, 'testing').text
  const check = async (bundle: Buffer, policy: Policy) =>
    verifyBundle(chunksOf(bundle), { sha256, verify: verifyEd25519, trust: vkeys, witnesses: policy })
  const all = policyOfAll(sha256, [one.vkey, two.vkey])
  const any = parsePolicy(sha256, `${line}group g any one two\nquorum g\n`, 'testing')

  const whole = await check(cosigned(one.cosign(text, timeS), two.cosign(text, timeS + 1)), all)
  assert.deepEqual(whole.problem, undefined)
  assert.deepEqual(whole.witnesses, {
    cosigned: [
      { name: 'w/1', key: one.vkey, time: '2026-11-21T12:00:00.000000000Z' },
      { name: 'w/2', key: two.vkey, time: '2026-11-21T12:00:01.000000000Z' },
    ],
    missing: [],
    quorum: 'met',
  })
  const half = cosigned(two.cosign(text, timeS))
  const enough = await check(half, any)
  assert.deepEqual([enough.ok, enough.witnesses?.missing], [true, ['one']])
  const short = await check(half, all)
  assert.deepEqual([short.problem?.code, short.problem?.fileLine], ['BUNDLE_UNWITNESSED', 1])
  assert.deepEqual([short.witnesses?.missing, short.witnesses?.quorum], [['w/1'], 'below'])
  assert.equal((await check(sparse, any)).problem?.code, 'BUNDLE_UNWITNESSED')
  assert.equal((await check(sparse, parsePolicy(sha256, 'quorum none\n', 'testing'))).ok, true)
  const wrong = cosigned(one.cosign(text, timeS), two.cosign('another\n1\nAA==\n', timeS))
  assert.equal((await check(wrong, any)).problem?.code, 'NOTE_UNVERIFIED')
  assert.equal((await verify(wrong)).ok, true, 'who asks for no witness passes over what they signed')
})

test('a bundle that shows no leaf proves nothing about a tenant', async () => {
  const { root: _, ...checkpoint } = sealed.checkpoint
  const hashes = [tenant.subtree(3, 0), tenant.subtree(2, 2), tenant.subtree(1, 6)].map((hash) => hash.toHex())
  const gap = `${canonicalize({ gap: { from: 0, hashes, to: checkpoint.size } })}\n`
  const report = await verify([rowsOf(complete)[0] as string, gap])
  assert.deepEqual([report.ok, report.problem?.fileLine], [false, 2])
})

test('with pinned keys nothing but them counts; without, the report says that the bundle vouches for itself', async () => {
  const selfAsserted = await verify(complete, [])
  assert.deepEqual([selfAsserted.ok, selfAsserted.trust], [true, 'self-asserted'])
  const others = [
    createNoteSigner(origins.tenant, sampleSigner(9)).vkey,
    createNoteSigner(origins.root, sampleSigner(8)).vkey,
  ]
  for (const trust of [others, [others[1] as string], [createNoteSigner('sealwatch.test/other', logKey).vkey]]) {
    const refused = await verify(complete, trust)
    assert.deepEqual([refused.ok, refused.problem?.code, refused.problem?.fileLine], [false, 'BUNDLE_UNTRUSTED', 1])
  }
})

test("another's ledger, signed by the same control plane under another name, is not this tenant's", async () => {
  await using elsewhere = await temporary()
  const signer = createNoteSigner('sealwatch.test/tenant/other', sampleSigner(0xa1))
  const options = {
    dir: elsewhere.path,
    tenant: 'default',
    origin: 'sealwatch.test/tenant/other',
    signer: () => signer,
  }
  const other = await openLedger({ ...options, clock: tickingClock(), disk: systemDisk })
  await other.append({ own: { key: a.key } })
  const checkpoint = await other.checkpoint()
  // The header of one, the checkpoint of the other.
  const bundle = await bundleOf(other, { ...sealed, checkpoint }, [{ from: 0, to: 2 }])
  await other.close()
  assertRefused(await verify(bundle, [...vkeys, signer.vkey]), 4, 'a checkpoint that the root does not hold')
})

test('in a complete bundle every line of a host is covered by a head under a registered key', async () => {
  await using elsewhere = await temporary()
  const ledger = await openSampleLedger(elsewhere.path)
  const itsRoot = await openSampleLedger(elsewhere.path, 'root')
  const host = sampleHost(3)
  await ledger.append(host.verified(host.batch(1)))
  const bundle = await bundleOf(ledger, await sealTenant(ledger, itsRoot), [{ from: 0, to: 4 }])
  await ledger.close()
  await itsRoot.close()
  const { ok, problem, notCovered } = await verify(bundle)
  assert.deepEqual([ok, problem?.code, notCovered], [false, 'BUNDLE_ALTERED', 3])
})

test('a head that its key did not sign is noticed, though the control plane took it', async () => {
  await using elsewhere = await temporary()
  const ledger = await openSampleLedger(elsewhere.path)
  const itsRoot = await openSampleLedger(elsewhere.path, 'root')
  const host = sampleHost(3)
  const { sealed: lines } = host.batch(1)
  const [, last] = lines as [SealedLine, SealedLine]
  const forger = createNoteSigner(`sealwatch.dev/key/${host.key.key_id}`, sampleSigner(4))
  const head = { note: forger.sign(headText(host.chain, 2, last.hash)) }
  const forged = sealLine(host.chain, { nextSeq: 2, tip: last.hash }, 0n, { head })
  const batch = { chain: host.chain, lines: ndjson([...lines.slice(0, 2), forged]) }
  await ledger.append({ own: { key: host.key } })
  await ledger.append(linkBatch(sha256, batch, chainStart, 8) as VerifiedBatch)
  const bundle = await bundleOf(ledger, await sealTenant(ledger, itsRoot), [{ from: 0, to: 5 }])
  await ledger.close()
  await itsRoot.close()
  const { problem } = await verify(bundle)
  assert.deepEqual([problem?.code, problem?.leaf, problem?.fileLine], ['NOTE_UNVERIFIED', 4, 7])
})

test('personal values are optional, but never other ones than were sealed, and never fewer than announced', async () => {
  const withheld = await verify(await bundleOf(tenant, sealed, all))
  assert.deepEqual([withheld.ok, withheld.revealed], [true, 0])
  const rows = rowsOf(complete)
  const at = rows.findIndex((row) => row.startsWith('{"reveal"'))
  const wrong: [string, string[]][] = [
    ['another value', rows.with(at, (rows[at] as string).replace('user-0', 'user-9'))],
    ['one less', rows.toSpliced(at, 1)],
    ['one twice', rows.toSpliced(at, 0, rows[at] as string)],
    ['none in it', rows.with(at, '{"reveal":{}}\n')],
    ['no object', rows.with(at, '{"reveal":null}\n')],
    ['before any line', rows.toSpliced(2, 0, rows[at] as string)],
    ['another count', rows.map((row) => row.replace('"revealed":4', '"revealed":5'))],
    ['a count that is none', rows.map((row) => row.replace('"revealed":4', '"revealed":"4"'))],
  ]
  for (const [what, changed] of wrong) assertRefused(await verify(changed), changed.length, what)
})

test('personal values are counted record by record: what one lacks is not made up for by the next', async () => {
  const [header, leavesRow, ...rest] = rowsOf(complete) as [string, string, ...string[]]
  const { hashes, revealed } = (JSON.parse(leavesRow) as { leaves: { hashes: string[]; revealed: number } }).leaves
  const isReveal = (row: string) => row.startsWith('{"reveal"')
  const at = rest.findIndex(isReveal) + 1
  const cut = rest.slice(0, at).filter((row) => !isReveal(row)).length
  const leaves = (from: number, of: string[], due: number) =>
    `${JSON.stringify({ leaves: { from, hashes: of, revealed: due } })}\n`
  const second = leaves(cut, hashes.slice(cut), revealed - 1)
  const split = [header, leaves(0, hashes.slice(0, cut), 1), ...rest.slice(0, at), second, ...rest.slice(at)]
  assert.equal((await verify(split)).problem, undefined)
  const lacking = split.toSpliced(at + 1, 1)
  const { problem } = await verify(lacking)
  assert.deepEqual([problem?.code, problem?.fileLine], ['BUNDLE_ALTERED', lacking.indexOf(second) + 1])

  const rows = rowsOf(sparse)
  const fewer = rows.toSpliced(rows.findIndex(isReveal), 1)
  const gap = fewer.findIndex((row, i) => i > rows.findIndex(isReveal) && row.startsWith('{"gap"'))
  const told = (await verify(fewer)).problem
  assert.deepEqual([told?.code, told?.fileLine], ['BUNDLE_ALTERED', gap + 1])
})

test('a record may be long, but not without end, and a line no longer than a line', async () => {
  const [header, leaves, anchor] = rowsOf(complete) as [string, string, string]
  const refused = async (given: Given, code: string, fileLine: number) => {
    const { problem } = await verify(given)
    assert.deepEqual([problem?.code, problem?.fileLine], [code, fileLine])
  }
  const MiB = 1024 * 1024
  await refused('x'.repeat(MiB + 1), 'BUNDLE_MALFORMED', 1)
  await refused(`${'x'.repeat(MiB + 1)}\n`, 'BUNDLE_MALFORMED', 1)
  await refused([header, ...Array(20).fill('x'.repeat(MiB / 10))], 'BUNDLE_MALFORMED', 2)
  await refused([header, leaves, `${'x'.repeat(MiB)}\n`], 'BUNDLE_ALTERED', 3)
  await refused([header, leaves, `\ufeff${anchor}`], 'BUNDLE_ALTERED', 3)
  await refused([header, leaves, anchor.replace('\n', '\r\n')], 'BUNDLE_ALTERED', 3)
  await refused(`\ufeff${header}`, 'JSON_MALFORMED', 1)
  await refused(header.replace('\n', '\r\n'), 'JSON_NOT_CANONICAL', 1)
  await refused(header.replace('"v":2', '"v":2,"v":2'), 'JSON_NOT_CANONICAL', 1)
  await refused(`{"bundle":${'{"a":'.repeat(9000)}1${'}'.repeat(9001)}\n`, 'JSON_DEPTH', 1)
})

test('lines of the greatest length pass, and longer ones cannot hide behind a right hash', async () => {
  for (const [excess, code] of [
    [0, undefined],
    [1, 'LINE_TOO_LONG'],
  ] as const) {
    const text = ownLine(65_535 + excess)
    const { problem } = await verifyFirst(forgedBundle([ownLine(400), text]))
    assert.equal(problem?.code, code === undefined ? 'CHAIN_BROKEN' : code)
  }
})

/** A line that is canonical and of some length; the first of a forged bundle need not be more. */
function ownLine(bytes: number): string {
  const line = {
    anchor: {
      key_id: null,
      origin: origins.tenant,
      prev_file: null,
      prev_last_hash: null,
      prev_sequence_num: null,
      tenant: 'default',
    },
  }
  const envelope = {
    chain: 'cc'.repeat(16),
    epoch: 0,
    prev: '0'.repeat(64),
    seq: 0,
    time: '2026-11-21T12:00:00.000000000Z',
    v: 1,
  }
  if (bytes <= 400) return canonicalize({ ...line, ...envelope })
  const event = { x: '' }
  const padding = bytes - canonicalize({ ...envelope, event }).length
  return canonicalize({ ...envelope, event: { x: 'x'.repeat(padding) } })
}

const nodeVkeys = [origins.tenant, origins.root].map((origin) => createNoteSigner(origin, nodeKey).vkey)
const verifyFirst = (bundle: string) => verify(bundle, nodeVkeys)

/** A bundle by a control plane that lies: its hashes and signatures are right, its lines are not. */
function forgedBundle(lines: readonly string[]): string {
  const hashOf = (bytes: Uint8Array) => sha256(Buffer.concat([Uint8Array.of(0), bytes]))
  const hashes = lines.map((line) => hashOf(Buffer.from(line)))
  const top = hashes.length === 1 ? hashes[0] : sha256(Buffer.concat([Uint8Array.of(1), ...(hashes as Uint8Array[])]))
  const noteOf = (kind: 'tenant' | 'root', count: number, hash: Uint8Array) =>
    createNoteSigner(origins[kind], nodeKey).sign(`${origins[kind]}\n${count}\n${hash.toBase64()}\n`)
  const head = { label: '0f'.repeat(16), origin: origins.tenant, root: (top as Uint8Array).toHex(), size: lines.length }
  const envelope = {
    chain: 'dd'.repeat(16),
    epoch: 0,
    prev: '0'.repeat(64),
    seq: 1,
    time: '2026-11-21T12:00:00.000000000Z',
    v: 1,
  }
  const rootLine = canonicalize({ ...envelope, tenant_head: head })
  const rootHash = hashOf(Buffer.from(rootLine))
  const header = {
    checkpoint: noteOf('tenant', lines.length, top as Uint8Array),
    // Version 1: the keys that are pinned sign the checkpoints themselves.
    keys: nodeVkeys,
    root: { checkpoint: noteOf('root', 1, rootHash), index: 0, line: rootLine, proof: [] },
    tenant: 'default',
    v: 1,
  }
  const leaves = { from: 0, hashes: hashes.map((hash) => hash.toHex()), revealed: 0 }
  return [canonicalize({ bundle: header }), canonicalize({ leaves }), ...lines, ''].join('\n')
}

test('what verifies by its hashes alone is still held to the rules of chains', async () => {
  assert.equal((await verifyFirst(forgedBundle([ownLine(400)]))).ok, true)
  assert.equal((await verifyFirst(forgedBundle([ownLine(400), ownLine(400)]))).problem?.code, 'CHAIN_BROKEN')
  assert.equal((await verifyFirst(forgedBundle([ownLine(500)]))).problem?.code, 'CHAIN_BROKEN')
  assert.equal(
    (await verifyFirst(forgedBundle([ownLine(400).replace('default', 'another')]))).problem?.code,
    'BUNDLE_ALTERED',
  )
  assert.equal(
    (await verifyFirst(forgedBundle([ownLine(400).replace('/tenant/0f', '/tenant/10')]))).problem?.code,
    'BUNDLE_ALTERED',
  )
  assert.match((await verifyFirst(forgedBundle(['{}']))).problem?.code ?? '', /LINE_MALFORMED/)
  assert.match((await verifyFirst(forgedBundle(['null', 'x']))).problem?.code ?? '', /LINE_MALFORMED/)
})

test('hostile input is refused and never makes the verifier throw', async () => {
  const [header, leaves] = rowsOf(sparse) as [string, string]
  const json = fc.jsonValue({ maxDepth: 3 }).map((value) => `${JSON.stringify(value)}\n`)
  const record = fc
    .tuple(fc.constantFrom('gap', 'leaves', 'reveal', 'bundle', '__proto__', 'x'), fc.jsonValue({ maxDepth: 2 }))
    .map(([kind, value]) => `${JSON.stringify({ [kind]: value })}\n`)
  const shaped = fc
    .record(
      {
        from: fc.oneof(fc.nat(20), fc.double({ noNaN: true, noDefaultInfinity: true })),
        to: fc.oneof(fc.maxSafeNat(), fc.nat(20)),
        hashes: fc.array(fc.constant('00'.repeat(32)), { maxLength: 5 }),
        revealed: fc.integer(),
      },
      { requiredKeys: [] },
    )
    .chain((body) => fc.constantFrom('gap', 'leaves').map((kind) => `${canonicalize({ [kind]: body })}\n`))
  const raw = fc.string({ unit: 'binary', maxLength: 50 })
  const rest = fc.array(fc.oneof(json, record, shaped, raw, fc.constantFrom(leaves, ...rowsOf(sparse))), {
    maxLength: 6,
  })
  await fc.assert(
    fc.asyncProperty(fc.boolean(), rest, async (isHeaded, rows) => {
      const given = [...(isHeaded ? [header] : []), ...rows]
      if (given.join('') === sparse.toString('utf8')) return
      assert.equal((await verify(given)).ok, false)
    }),
    { numRuns: 300 },
  )
  const bytes = fc.uint8Array({ maxLength: 200 })
  await fc.assert(fc.asyncProperty(bytes, async (chunk) => assert.equal((await verify(chunk)).ok, false)))
})

test('a failure that is not in the bundle is not told as one', async () => {
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(rowsOf(complete)[0] as string)
    throw new Error('the disk is gone')
  }
  const reading = verifyBundle(failing(), { sha256, verify: verifyEd25519, trust: vkeys })
  await assert.rejects(reading, (error) => !isSealwatchError(error))
})
