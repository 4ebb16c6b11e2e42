// SPDX-License-Identifier: Apache-2.0
// The server's side: it asks real witnesses, and what only pretends to be one costs it nothing.

import assert from 'node:assert/strict'
import { cp, mkdir, mkdtempDisposable } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Clock, systemClock, systemDisk } from '@sealwatch/base'
import { openOwnSigner, verifyEd25519 } from '@sealwatch/keys'
import { isQuorumMet, parseNote, parsePolicy, parseVkey, sha256, verifyCosignatures } from '@sealwatch/ledger'
import { addLog, createCosigner, listEvidence } from '@sealwatch/ledger/witness'
import { type Ledgers, openLedgers } from '../../apps/server/src/ingest/ledgers.ts'
import { callWitnesses } from '../../apps/server/src/ingest/witnesses/prepare.ts'
import type { SplitViewFound } from '../../apps/server/src/ingest/witnesses/split-view.ts'
import { createWitnesses } from '../../apps/server/src/ingest/witnesses/witnesses.ts'
import { createForkedLog } from '../../packages/ledger/test/forked-log.ts'
import { sampleSigner } from '../../packages/ledger/test/sample.ts'
import { quiet, type Served, serve, serveWitness } from './fixture.ts'

const log = createForkedLog('example.com/log', { common: 6, size: 40 })
const vkeyOf = (served: Served) => served.witness.cosigner.vkey
const checkpoint = (branch: number, size: number) => ({
  size,
  root: log.rootOf(branch, size),
  note: log.note(branch, size),
})
const forever = new AbortController().signal

/** Short waits pass at once; long ones end when the test lets time go by, or with their signal. */
function heldClock(): Clock & { pass(ms: number): void } {
  let aheadMs = 0
  let sleepers: (() => void)[] = []
  return {
    ...systemClock,
    nowMs: () => systemClock.nowMs() + aheadMs,
    sleep: (ms, signal) =>
      new Promise((wake) => {
        if (ms <= 500 || signal?.aborted === true) return void setImmediate(wake)
        sleepers.push(wake)
        signal?.addEventListener('abort', () => wake(), { once: true })
      }),
    pass: (ms) => {
      aheadMs += ms
      const woken = sleepers
      sleepers = []
      for (const wake of woken) wake()
    },
  }
}

function witnessesOf(policy: string, branch = 0, clock: Clock = systemClock) {
  const found: SplitViewFound[] = []
  const witnesses = createWitnesses({
    policy: parsePolicy(sha256, policy, 'testing'),
    logKeys: [parseVkey(sha256, log.vkey)],
    call: callWitnesses(parsePolicy(sha256, policy, 'testing'), clock),
    consistency: (from, to) => log.proofOf(branch, from, to),
    clock,
    random: () => 0.5,
    log: quiet,
    onSplitView: (split) => found.push(split),
  })
  return { witnesses, found }
}

test('all witnesses of a policy cosign, whatever size they know; the note verifies under the policy', async () => {
  await using a = await serveWitness('witness.example/a', [log])
  await using b = await serveWitness('witness.example/b', [log])
  await b.witness.addCheckpoint(log.submission(0, 0, 5))
  const policy = `witness a ${vkeyOf(a)} ${a.url}/\nwitness b ${vkeyOf(b)} ${b.url}\ngroup g all a b\nquorum g\n`
  const { witnesses, found } = witnessesOf(policy)
  for (const size of [9, 9, 12, 13]) {
    const { note, quorum, missing } = await witnesses.cosign(checkpoint(0, size), forever)
    assert.deepEqual([quorum, missing], ['met', []])
    const { quorum: due, witnesses: all } = parsePolicy(sha256, policy, 'testing')
    const keys = all.map(({ key }) => key)
    const signed = verifyCosignatures(parseNote(note, 'testing'), keys, verifyEd25519, 'testing').map(({ key }) => key)
    assert.equal(
      isQuorumMet(due, (key) => signed.includes(key)),
      true,
    )
    assert.ok(note.startsWith(log.note(0, size)))
  }
  assert.deepEqual(found, [])
  assert.deepEqual(
    witnesses.status().map(({ size, failing }) => [size, failing]),
    [
      [13, undefined],
      [13, undefined],
    ],
  )
})

test('no witness, and no quorum, is a policy too; one that a server cannot follow is refused', () => {
  const { vkey } = createCosigner('w', sampleSigner(8))
  const other = createForkedLog('example.com/other', { common: 1, size: 2 }, 0x31)
  assert.equal(witnessesOf('quorum none\n').witnesses.status().length, 0)
  for (const policy of [
    `witness a ${vkey}\nquorum a\n`,
    `witness a ${vkey} ftp://x\nquorum a\n`,
    `witness a ${vkey} x\nquorum a\n`,
    `witness a ${vkey} http://x\nquorum a\n`,
    `log ${other.vkey}\nwitness a ${vkey} https://x\nquorum a\n`,
  ])
    assert.throws(() => witnessesOf(policy), { code: 'WITNESSES_UNUSABLE' })
  assert.equal(witnessesOf(`log ${log.vkey}\nwitness a ${vkey} https://x\nquorum a\n`).witnesses.status().length, 1)
})

const readAll = async (request: IncomingMessage) => {
  const chunks: Uint8Array[] = []
  for await (const chunk of request as AsyncIterable<Uint8Array>) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
const textIn = (body: string) => parseNote(body.slice(body.indexOf('\n\n') + 2), 'testing').text
const liar = createCosigner('liar.example/w', sampleSigner(0x41))
const stranger = createCosigner('liar.example/w', sampleSigner(0x42))
const nowS = Math.floor(systemClock.nowMs() / 1000)
const respond =
  (status: number, body: string | Uint8Array, type = 'text/plain') =>
  (_: IncomingMessage, response: ServerResponse) =>
    void response.writeHead(status, { 'content-type': type }).end(body)

/** Everything a witness may do wrong; each is the same for every request. */
const liars: Record<string, (request: IncomingMessage, response: ServerResponse) => void> = {
  'cosigns another checkpoint': async (request, response) => {
    const text = textIn(await readAll(request))
    response.end(liar.cosign(text.replace(/\n\d+\n/, '\n1\n'), nowS))
  },
  'cosigns with another key': async (request, response) =>
    void response.end(stranger.cosign(textIn(await readAll(request)), nowS)),
  'cosigns in the far future': async (request, response) =>
    void response.end(liar.cosign(textIn(await readAll(request)), nowS + 86_400)),
  'answers nothing': respond(200, ''),
  'answers garbage': respond(200, '<html>\u0000</html>'),
  'answers bytes that are no text': respond(200, Buffer.from([0xff, 0xfe, 0x0a])),
  'answers 10 MB': respond(200, Buffer.alloc(10 * 1024 * 1024, 0x61)),
  'answers without end': (_, response) => {
    const more = () => {
      while (response.write('a'.repeat(65_536)));
      response.once('drain', more)
    }
    more()
  },
  'knows no such log': respond(404, ''),
  'knows another key': respond(403, ''),
  'is broken': respond(500, ''),
  'names no size': respond(409, 'seven\n', 'text/x.tlog.size'),
  'names a size that is none': respond(409, '-7\n', 'text/x.tlog.size'),
  'names a size in another type': respond(409, '3\n'),
  'names the size it was given': respond(409, '0\n', 'text/x.tlog.size'),
  'sends elsewhere': (_, response) => void response.writeHead(302, { location: '/add-checkpoint' }).end(),
  'drops the connection': (request) => void request.socket.destroy(),
  hangs: () => undefined,
  'hangs in the middle of its answer': (_, response) => void response.write('— liar.example/w '),
}

for (const [what, answer] of Object.entries(liars)) {
  test(`a witness that ${what} stalls nothing, is named, and rests`, async () => {
    const clock = heldClock()
    await using honest = await serveWitness('witness.example/honest', [log])
    await using pretender = await serve(answer)
    const policy = `witness honest ${vkeyOf(honest)} ${honest.url}\nwitness liar ${liar.vkey} ${pretender.url}\nquorum honest\n`
    const { witnesses, found } = witnessesOf(policy, 0, clock)
    // The clock stands still: whoever waited for the deadline here would wait for ever.
    const { note, quorum, missing } = await witnesses.cosign(checkpoint(0, 9), forever)
    assert.deepEqual([quorum, missing], ['met', ['liar']])
    assert.ok(!note.includes('liar.example'))
    if (what.startsWith('hangs')) clock.pass(5_000)
    while (witnesses.status()[1]?.failing === undefined) await systemClock.sleep(1)
    // The size that a liar names may be one that it has to be asked for again.
    const asked = pretender.asked()
    assert.ok(asked >= 1 && asked <= 3)
    assert.equal((await witnesses.cosign(checkpoint(0, 10), forever)).quorum, 'met')
    assert.equal(pretender.asked(), asked, 'it is left alone for a while')
    clock.pass(1_000)
    assert.equal((await witnesses.cosign(checkpoint(0, 11), forever)).quorum, 'met')
    if (!what.startsWith('hangs')) while (pretender.asked() === asked) await systemClock.sleep(1)
    assert.deepEqual(found, [])
  })
}

test('below the quorum: the answer comes at the deadline, and says who is missing', async () => {
  const clock = heldClock()
  await using honest = await serveWitness('witness.example/honest', [log])
  await using pretender = await serve(() => undefined)
  const policy = `witness honest ${vkeyOf(honest)} ${honest.url}\nwitness liar ${liar.vkey} ${pretender.url}\ngroup g all honest liar\nquorum g\n`
  const { witnesses } = witnessesOf(policy, 0, clock)
  const answered = witnesses.cosign(checkpoint(0, 9), forever)
  while (pretender.asked() === 0 || witnesses.status()[0]?.size === undefined) await systemClock.sleep(1)
  assert.equal((await witnesses.cosign(checkpoint(0, 10), forever)).quorum, 'below')
  assert.equal(pretender.asked(), 1, 'one question at a time')
  clock.pass(5_000)
  const { note, quorum, missing } = await answered
  assert.deepEqual([quorum, missing], ['below', ['liar']])
  assert.ok(note.includes('witness.example/honest'))
  const stop = new AbortController()
  const cut = witnesses.cosign(checkpoint(0, 11), stop.signal)
  stop.abort()
  assert.equal((await cut).quorum, 'below')
})

test('a witness that knows another tree: told once, with its own checkpoint, and proven by our own key', async () => {
  const clock = heldClock()
  await using served = await serveWitness('witness.example/w', [log])
  await served.witness.addCheckpoint(log.submission(1, 0, 12))
  const policy = `witness w ${vkeyOf(served)} ${served.url}\nquorum w\n`
  const kinds: [number, SplitViewFound['kind']][] = [
    [12, 'same_size'],
    [9, 'larger'],
    [20, 'not_extended'],
  ]
  for (const [size, kind] of kinds) {
    const { witnesses, found } = witnessesOf(policy, 0, clock)
    for (let i = 0; i < 3; i += 1) {
      assert.equal((await witnesses.cosign(checkpoint(0, size), forever)).quorum, 'below')
      clock.pass(3_600_000)
    }
    assert.deepEqual(found, [
      { witness: 'w', kind, theirSize: 12, ours: log.note(0, size), theirs: log.note(1, 12), proven: true },
    ])
    assert.match(witnesses.status()[0]?.failing ?? '', /another tree/)
  }
})

test('a witness that only says so proves nothing: the alarm tells the two apart', async () => {
  const answers = new Map([
    ['/add-checkpoint', respond(409, '99\n', 'text/x.tlog.size')],
    ['/checkpoint', respond(200, createForkedLog(log.origin, { common: 1, size: 9 }, 0x66).note(0, 9))],
  ])
  await using pretender = await serve((request, response) =>
    answers.get((request.url ?? '').replace(/\/[0-9a-f]{64}$/, ''))?.(request, response),
  )
  const { witnesses, found } = witnessesOf(`witness liar ${liar.vkey} ${pretender.url}\nquorum liar\n`)
  await witnesses.cosign(checkpoint(0, 9), forever)
  assert.deepEqual(
    found.map(({ kind, theirSize, theirs, proven }) => [kind, theirSize, theirs, proven]),
    [['larger', 99, undefined, false]],
  )
})

/** A whole deployment's ledgers, sealed and published, with their witnesses. */
async function deploymentOf(dir: string, policy: () => string, belowQuorum: 'degraded' | 'hold' = 'degraded') {
  await mkdir(dir, { recursive: true })
  const auditSigner = await openOwnSigner(join(dir, 'audit.key'), systemDisk)
  const found: SplitViewFound[] = []
  const ledgers: Ledgers = await openLedgers({
    dir: join(dir, 'ledgers'),
    keysDir: join(dir, 'keys'),
    deployment: 'd1',
    tenants: ['default', 'cluster'],
    auditSigner,
    labelKey: new Uint8Array(32),
    belowQuorum,
    cosign: ({ key, consistency }) => {
      const onSplitView = (split: SplitViewFound) => void found.push(split)
      const of = {
        policy: parsePolicy(sha256, policy(), 'testing'),
        logKeys: [key],
        consistency,
        call: callWitnesses(parsePolicy(sha256, policy(), 'testing'), systemClock),
        clock: systemClock,
        random: () => 0,
        log: quiet,
        onSplitView,
      }
      return createWitnesses(of).cosign
    },
    clock: systemClock,
    disk: systemDisk,
    log: quiet,
  })
  const grow = async (what: string) => {
    await ledgers.get('default').append({ own: { event: { what } } })
    await ledgers.publish(0)
  }
  return { ledgers, found, grow }
}

test('a server whose data were copied, and grew apart, is caught by the witness and told of by the server itself', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-fork-'))
  await using served = await serveWitness('witness.example/w', [])
  const [here, there] = [join(dir.path, 'here'), join(dir.path, 'there')]
  const policy = () => `witness w ${vkeyOf(served)} ${served.url}\nquorum w\n`
  const first = await deploymentOf(here, policy)
  await addLog(systemDisk, served.places, 'd1/root', [first.ledgers.vkey])
  await served.witness.reload()
  await first.grow('before the copy')
  assert.equal(first.ledgers.health.quorum, 'met')
  await first.ledgers.close()
  await cp(here, there, { recursive: true })

  const original = await deploymentOf(here, policy)
  await original.grow('after the copy, here')
  // From a complete subtree no proof can show the other root (witness.md, 5.3).
  while (Number.isInteger(Math.log2(original.ledgers.root.size))) await original.grow('and more, here')
  assert.deepEqual([original.ledgers.health.quorum, original.found], ['met', []])
  const { size } = original.ledgers.root
  await original.ledgers.close()

  const copy = await deploymentOf(there, policy)
  await copy.ledgers.publish(0)
  assert.equal(copy.ledgers.health.quorum, 'below')
  assert.deepEqual(
    copy.found.map(({ kind, proven }) => [kind, proven]),
    [['larger', true]],
  )
  while (copy.ledgers.root.size <= size) {
    await copy.ledgers.get('default').append({ own: { event: { what: 'after the copy, there' } } })
    await copy.ledgers.seal()
  }
  await copy.ledgers.close()

  const again = await deploymentOf(there, policy)
  await again.ledgers.publish(0)
  assert.deepEqual(
    again.found.map(({ kind, proven }) => [kind, proven]),
    [['not_extended', true]],
  )
  assert.notEqual(again.found[0]?.theirs, undefined)
  await again.ledgers.close()
  assert.equal(served.witness.logs()[0]?.size, size, 'nothing of the copy was cosigned')
  const { kept } = await listEvidence(systemDisk, served.places)
  assert.deepEqual(
    kept.map(({ report }) => [report.origin, report.kind, report.sizes[0]]),
    [['d1/root', 'other_prefix', size]],
  )
})

test('sealing goes on while a witness hangs', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-hang-'))
  const pretender = await serve(() => undefined)
  const { ledgers } = await deploymentOf(dir.path, () => `witness liar ${liar.vkey} ${pretender.url}\nquorum liar\n`)
  let isPublished = false
  const publishing = ledgers.publish(0).then(() => {
    isPublished = true
  })
  while (pretender.asked() === 0) await systemClock.sleep(1)
  for (let i = 0; i < 3; i += 1) {
    await ledgers.get('default').append({ own: { event: { i } } })
    await ledgers.seal()
    assert.equal(ledgers.get('default').signed?.size, ledgers.get('default').size)
  }
  assert.equal(isPublished, false)
  await pretender[Symbol.asyncDispose]()
  await publishing
  assert.equal(ledgers.health.quorum, 'below')
  await ledgers.close()
})

test('a checkpoint below the quorum is published and marked, or held', async () => {
  for (const belowQuorum of ['degraded', 'hold'] as const) {
    await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-quorum-'))
    await using pretender = await serve(respond(500, ''))
    const { ledgers, grow } = await deploymentOf(
      dir.path,
      () => `witness liar ${liar.vkey} ${pretender.url}\nquorum liar\n`,
      belowQuorum,
    )
    if (belowQuorum === 'hold') {
      await assert.rejects(grow('x'), { code: 'BELOW_QUORUM' })
      assert.deepEqual([ledgers.health.publishedSize, ledgers.health.quorum], [0, 'none'])
    } else {
      await grow('x')
      assert.deepEqual([ledgers.health.publishedSize, ledgers.health.quorum], [ledgers.root.size, 'below'])
    }
    await ledgers.close()
  }
})
