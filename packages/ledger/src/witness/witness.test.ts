// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, createLog, type LogLevel } from '@sealwatch/base'
import { verifyEd25519 } from '@sealwatch/keys'
import { createCrashingDisk } from '../../test/crashing-disk.ts'
import { createFaultyDisk } from '../../test/faulty-disk.ts'
import { createForkedLog } from '../../test/forked-log.ts'
import { sampleSigner, temporary, tickingClock } from '../../test/sample.ts'
import { createNoteSigner } from '../note-signer.ts'
import { sha256 } from '../sha256.ts'
import { verifyCosignatures } from '../verify/cosignature.ts'
import { parseNote, parseSignatures } from '../verify/note.ts'
import { judgeSplitView } from '../verify/split-view.ts'
import { evidenceLimits, listEvidence, readEvidence } from './evidence.ts'
import { logIdOf, witnessPlaces } from './places.ts'
import { addLog, initWitness, readLogs, witnessLimits } from './registry.ts'
import { formatSubmission } from './request.ts'
import { openWitness, type Witness, type WitnessAnswer } from './witness.ts'

const places = witnessPlaces('/witness')
const log = createForkedLog('example.com/log', { common: 6, size: 24 })

type Said = { level: LogLevel; msg: string }

async function newWitness(clock: Clock = tickingClock()) {
  const { disk, files } = createCrashingDisk()
  await initWitness(disk, places, 'witness.example/w')
  await addLog(disk, places, log.origin, [log.vkey])
  const said: Said[] = []
  const open = () =>
    openWitness({
      disk,
      places,
      clock,
      log: createLog(
        'w',
        (line) => said.push(JSON.parse(line) as Said),
        () => 0,
      ),
    })
  return { disk, files, said, open, witness: await open() }
}

const send = (witness: Witness, oldSize: number, proof: readonly Uint8Array[], note: string) =>
  witness.addCheckpoint(Buffer.from(formatSubmission({ oldSize, proof, note })))

/** The answer has one cosignature of the witness over exactly that tree. */
function assertCosigned(witness: Witness, answer: WitnessAnswer, note: string): number {
  assert.equal(answer.status, 200, answer.body)
  const text = parseNote(note, 'testing').text
  const signatures = parseSignatures(answer.body, 'testing')
  const [found, ...more] = verifyCosignatures({ text, signatures }, [witness.cosigner.key], verifyEd25519, 'testing')
  assert.ok(found !== undefined && more.length === 0 && signatures.length === 1)
  return found.timeS
}
const conflict = (size: number): WitnessAnswer => ({ status: 409, type: 'text/x.tlog.size', body: `${size}\n` })

test('a log that grows is cosigned: the first tree, a larger one, and the same one again', async () => {
  const { witness } = await newWitness()
  for (const [from, to] of [
    [0, 3],
    [3, 5],
    [5, 5],
    [5, 12],
  ] as const)
    assertCosigned(witness, await witness.addCheckpoint(log.submission(0, from, to)), log.note(0, to))
  assert.deepEqual(
    witness.logs().map(({ size, root }) => [size, root]),
    [[12, log.rootOf(0, 12).toString('base64')]],
  )
})

test('every status of the specification', async () => {
  const { witness } = await newWitness()
  const stranger = createForkedLog('example.com/other', { common: 1, size: 4 })
  const impostor = createForkedLog(log.origin, { common: 6, size: 24 }, 0x78)
  await witness.addCheckpoint(log.submission(0, 0, 5))
  const due: [string, Promise<WitnessAnswer>, number | WitnessAnswer][] = [
    ['an unknown origin', witness.addCheckpoint(stranger.submission(0, 0, 3)), 404],
    ['another key', witness.addCheckpoint(impostor.submission(0, 5, 7)), 403],
    ['an old size above the size', send(witness, 9, [], log.note(0, 7)), 400],
    ['an old size that is not the last one', witness.addCheckpoint(log.submission(0, 3, 7)), conflict(5)],
    ['an old size of zero, to ask', witness.addCheckpoint(log.submission(0, 0, 7)), conflict(5)],
    ['a smaller tree', witness.addCheckpoint(log.submission(0, 3, 4)), conflict(5)],
    ['no proof', send(witness, 5, [], log.note(0, 7)), 422],
    ['a proof of another size', send(witness, 5, log.proofOf(0, 5, 8), log.note(0, 7)), 422],
    [
      'a proof that is too long',
      send(witness, 5, [...log.proofOf(0, 5, 7), sha256(Buffer.from('x'))], log.note(0, 7)),
      422,
    ],
    ['hashes with the same tree', send(witness, 5, [sha256(Buffer.from('x'))], log.note(0, 5)), 422],
    ['the right one', witness.addCheckpoint(log.submission(0, 5, 7)), 200],
  ]
  for (const [what, asked, expected] of due) {
    const answer = await asked
    if (typeof expected === 'number') assert.equal(answer.status, expected, what)
    else assert.deepEqual(answer, expected, what)
  }
  const fresh = await newWitness()
  assert.equal(
    (await send(fresh.witness, 0, [sha256(Buffer.from('x'))], log.note(0, 3))).status,
    422,
    'a proof from nothing',
  )
})

test('what is out of form is a bad request, and nothing else', async () => {
  const { witness, files } = await newWitness()
  const good = log.submission(0, 0, 5).toString('utf8')
  const before = files.size
  const hash = log.rootOf(0, 1).toString('base64')
  const bad: (string | Uint8Array)[] = [
    '',
    '\n',
    'old 0',
    'old 0\n',
    'old 0\n\n',
    good.replace('old 0', 'old 00'),
    good.replace('old 0', 'old -1'),
    good.replace('old 0', 'old 1e3'),
    good.replace('old 0', 'old  0'),
    good.replace('old 0', 'new 0'),
    good.replace('old 0', 'old 9007199254740992'),
    good.replace('old 0\n', 'old 0\r\n'),
    good.replace('old 0\n', `old 0\n${hash.slice(4)}\n`),
    good.replace('old 0\n', `old 0\n${hash}=\n`),
    good.replace('old 0\n', `old 0\n ${hash}\n`),
    good.replace('old 0\n', `old 0\n${`${hash}\n`.repeat(64)}`),
    good.replace('\n5\n', '\n05\n'),
    good.replace('\n5\n', '\n9007199254740992\n'),
    good.replace('\n5\n', '\n\n'),
    good.slice(0, -1),
    `${good}\n`,
    `\ufeff${good}`,
    good.replace('— ', '- '),
    `old 0\n\n${createNoteSigner(log.origin, sampleSigner(0x77)).sign('only text\n')}`,
    `old 0\n\n${createNoteSigner(log.origin, sampleSigner(0x77)).sign(`${log.origin}\n5\n${hash}\n${'x'.repeat(4096)}\n`)}`,
    Buffer.concat([Buffer.from(good), Buffer.from([0xff, 0x0a])]),
    Buffer.alloc(200 * 1024, 0x61),
  ]
  for (const [i, body] of bad.entries())
    assert.equal((await witness.addCheckpoint(Buffer.from(body))).status, 400, `${i}`)
  assert.equal(files.size, before)
})

test('extension lines are cosigned with the rest, and signatures of strangers are not kept', async () => {
  const { witness, files } = await newWitness()
  const text = `${log.origin}\n5\n${log.rootOf(0, 5).toString('base64')}\nan extension\nand another\n`
  const stranger = createNoteSigner('stranger.example', sampleSigner(5)).sign(text).split('\n').at(-2)
  const note = `${log.signer.sign(text)}${stranger}\n${stranger}\n`
  assertCosigned(witness, await send(witness, 0, [], note), note)
  assert.ok(![...files.values()].some((bytes) => Buffer.from(bytes).includes('stranger.example')))
  assertCosigned(witness, await witness.addCheckpoint(log.submission(0, 5, 7)), log.note(0, 7))
})

test('two roots for one size: refused, kept with both checkpoints, told as critical, and anybody can judge them', async () => {
  const { witness, disk, said } = await newWitness()
  await witness.addCheckpoint(log.submission(0, 0, 12))
  // Whatever old size comes with it.
  assert.deepEqual(await witness.addCheckpoint(log.submission(1, 12, 12)), conflict(12))
  assert.deepEqual(await witness.addCheckpoint(log.submission(1, 0, 12)), conflict(12))
  const { kept } = await listEvidence(disk, places)
  assert.equal(kept.length, 1)
  const { first, second, logKeys } = await readEvidence(disk, places, kept[0]?.id ?? '')
  assert.deepEqual([first, second, logKeys], [log.note(0, 12), log.note(1, 12), [log.vkey]])
  const judged = judgeSplitView({ sha256, verify: verifyEd25519 }, { first, second, proof: [], logKeys }, [log.vkey])
  assert.deepEqual([judged.kind, judged.proven, judged.sizes], ['same_size', true, [12, 12]])
  assert.deepEqual(
    said.map(({ level }) => level),
    ['critical'],
  )
  assert.deepEqual(witness.splitViews(), { proven: 1, unproven: 0, settled: 0, repeated: 1 })
  assertCosigned(witness, await witness.addCheckpoint(log.submission(0, 12, 13)), log.note(0, 13))
})

test('a fork that proves its growth by its own tree convicts itself', async () => {
  const { witness, disk, said } = await newWitness()
  await witness.addCheckpoint(log.submission(0, 0, 11))
  assert.equal((await witness.addCheckpoint(log.submission(1, 11, 15))).status, 422)
  const [evidence] = (await listEvidence(disk, places)).kept
  assert.deepEqual([evidence?.report.kind, evidence?.report.sizes], ['other_prefix', [11, 15]])
  assert.match(said[0]?.msg ?? '', /^SPLIT VIEW/)
})

test('a proof that shows nothing is kept too, and settled once the log has proven that very tree', async () => {
  const { witness, disk, said } = await newWitness()
  await witness.addCheckpoint(log.submission(0, 0, 11))
  assert.equal((await send(witness, 11, [sha256(Buffer.from('x'))], log.note(0, 15))).status, 422)
  assert.equal((await send(witness, 11, [], log.note(0, 15))).status, 422)
  assert.deepEqual(witness.splitViews(), { proven: 0, unproven: 1, settled: 0, repeated: 1 })
  assertCosigned(witness, await witness.addCheckpoint(log.submission(0, 11, 15)), log.note(0, 15))
  assert.deepEqual(witness.splitViews(), { proven: 0, unproven: 0, settled: 1, repeated: 1 })
  assert.deepEqual(
    said.map(({ level }) => level),
    ['critical', 'info'],
  )
  assert.deepEqual(
    (await listEvidence(disk, places)).kept.map(({ settled }) => settled),
    [true],
  )
})

test('what was unproven is proven as soon as another tree of that size is cosigned, or a better proof comes', async () => {
  const { witness, open, said } = await newWitness()
  await witness.addCheckpoint(log.submission(0, 0, 11))
  await send(witness, 11, [], log.note(1, 15))
  await witness.addCheckpoint(log.submission(0, 11, 15))
  assert.deepEqual(witness.splitViews(), { proven: 1, unproven: 0, settled: 0, repeated: 0 })
  await send(witness, 15, [], log.note(1, 19))
  await witness.addCheckpoint(log.submission(1, 15, 19))
  assert.deepEqual(witness.splitViews(), { proven: 2, unproven: 0, settled: 0, repeated: 0 })
  assert.deepEqual(
    said.map(({ level }) => level),
    Array(4).fill('critical'),
  )
  assert.deepEqual((await open()).splitViews(), { proven: 2, unproven: 0, settled: 0, repeated: 0 })
})

test('evidence does not grow without end', async () => {
  const { witness, disk, files } = await newWitness()
  await witness.addCheckpoint(log.submission(0, 0, 5))
  for (let i = 0; i < evidenceLimits.ofLog + 5; i += 1) {
    const root = sha256(Buffer.from(`${i}`)).toBase64()
    const answer = await send(witness, 5, [], log.signer.sign(`${log.origin}\n5\n${root}\n`))
    assert.deepEqual(answer, conflict(5))
  }
  assert.equal((await listEvidence(disk, places)).kept.length, evidenceLimits.ofLog)
  assert.equal([...files.keys()].filter((path) => path.startsWith(places.evidence)).length, evidenceLimits.ofLog)
})

test('those who wait for one log are few; the others are told to come again', async () => {
  const { witness } = await newWitness()
  const answers = await Promise.all(Array.from({ length: 20 }, () => witness.addCheckpoint(log.submission(0, 0, 5))))
  const of = (status: number) => answers.filter((answer) => answer.status === status).length
  assert.deepEqual([of(200), of(409), of(503)], [1, 15, 4])
  assertCosigned(witness, await witness.addCheckpoint(log.submission(0, 5, 7)), log.note(0, 7))
})

test('a clock that is set back does not date a later word earlier', async () => {
  let ms = 2_000_000_000_000
  const clock: Clock = { ...tickingClock(), nowMs: () => ms }
  const { witness, open } = await newWitness(clock)
  const first = assertCosigned(witness, await witness.addCheckpoint(log.submission(0, 0, 5)), log.note(0, 5))
  ms -= 86_400_000
  const again = await open()
  assert.equal(assertCosigned(again, await again.addCheckpoint(log.submission(0, 5, 7)), log.note(0, 7)), first)
})

test('a witness shows the last checkpoint of a log, and its own word for it', async () => {
  const { witness } = await newWitness()
  assert.equal(witness.latest(logIdOf(log.origin)), undefined)
  const { body } = await witness.addCheckpoint(log.submission(0, 0, 5))
  assert.equal(witness.latest(logIdOf(log.origin)), log.note(0, 5) + body)
  assert.equal(witness.latest('none'), undefined)
})

test('a full disk cosigns nothing and forgets nothing; work goes on when there is room', async () => {
  await using dir = await temporary()
  const disk = createFaultyDisk()
  const real = witnessPlaces(dir.path)
  await initWitness(disk, real, 'w')
  await addLog(disk, real, log.origin, [log.vkey])
  const witness = await openWitness({
    disk,
    places: real,
    clock: tickingClock(),
    log: createLog(
      'w',
      () => undefined,
      () => 0,
    ),
  })
  await witness.addCheckpoint(log.submission(0, 0, 5))
  disk.fail('states')
  assert.equal((await witness.addCheckpoint(log.submission(0, 5, 7))).status, 503)
  assert.equal(witness.logs()[0]?.size, 5)
  disk.fail(undefined)
  assert.equal((await witness.addCheckpoint(log.submission(0, 5, 7))).status, 200)
  disk.fail('states', 'DISK_FAILED')
  await assert.rejects(witness.addCheckpoint(log.submission(0, 7, 9)), { code: 'DISK_FAILED', kind: 'fatal' })
})

test('whoever else writes in the same directory stops it', async () => {
  const { witness, open } = await newWitness()
  const other = await open()
  await witness.addCheckpoint(log.submission(0, 0, 5))
  await assert.rejects(other.addCheckpoint(log.submission(1, 0, 9)), { code: 'WITNESS_FORKED', kind: 'fatal' })
})

test('what was cosigned is never forgotten: a state that is gone, cut or of another log is refused', async () => {
  const { witness, files, open } = await newWitness()
  await witness.addCheckpoint(log.submission(0, 0, 5))
  const path = places.state(logIdOf(log.origin))
  const whole = Buffer.from(files.get(path) as Uint8Array)
  for (const harm of [
    undefined,
    Buffer.alloc(0),
    whole.subarray(0, -1),
    whole.subarray(0, 20),
    Buffer.from(whole.toString().replaceAll(log.origin, 'example.com/lag')),
    Buffer.from(whole.toString().replace('"v":1', '"v":2')),
  ]) {
    if (harm === undefined) files.delete(path)
    else files.set(path, harm)
    await assert.rejects(open(), { code: 'WITNESS_DAMAGED', kind: 'fatal' })
  }
  files.set(path, whole)
  assert.equal((await open()).logs()[0]?.size, 5)
  files.delete(places.key)
  await assert.rejects(open(), { code: 'WITNESS_DAMAGED' })
})

test('logs are added, also while it runs, and get further keys; what is known stays as it is', async () => {
  const { witness, disk, files } = await newWitness()
  const second = createForkedLog('example.com/second', { common: 1, size: 9 })
  assert.equal((await witness.addCheckpoint(second.submission(0, 0, 3))).status, 404)
  await addLog(disk, places, second.origin, [second.vkey])
  await witness.reload()
  assert.equal((await witness.addCheckpoint(second.submission(0, 0, 3))).status, 200)
  const rotated = createForkedLog(second.origin, { common: 1, size: 9 }, 0x79)
  assert.equal((await witness.addCheckpoint(rotated.submission(0, 3, 5))).status, 403)
  const { created, log: known } = await addLog(disk, places, second.origin, [rotated.vkey])
  assert.deepEqual([created, known.vkeys], [false, [second.vkey, rotated.vkey]])
  await witness.reload()
  assert.equal((await witness.addCheckpoint(rotated.submission(0, 3, 5))).status, 200)
  assert.equal((await readLogs(disk, places)).length, 2)
  const many = Array.from(
    { length: witnessLimits.keysOfLog },
    (_, i) => createNoteSigner('k', sampleSigner(i + 1)).vkey,
  )
  await assert.rejects(addLog(disk, places, second.origin, many), { code: 'WITNESS_LIMIT' })
  for (let i = files.size; i < witnessLimits.logs + 10; i += 1)
    files.set(places.log(logIdOf(`log ${i}`)), new Uint8Array())
  await assert.rejects(addLog(disk, places, 'example.com/third', [second.vkey]), { code: 'WITNESS_LIMIT' })
})

test('a witness is made once', async () => {
  const { disk, witness } = await newWitness()
  const again = await initWitness(disk, places, 'witness.example/w')
  assert.deepEqual([again.created, again.cosigner.vkey], [false, witness.cosigner.vkey])
  await assert.rejects(initWitness(disk, places, 'another'), { code: 'WITNESS_EXISTS' })
  await assert.rejects(
    openWitness({
      disk,
      places: witnessPlaces('/none'),
      clock: tickingClock(),
      log: createLog(
        'w',
        () => undefined,
        () => 0,
      ),
    }),
    { code: 'WITNESS_ABSENT' },
  )
})
