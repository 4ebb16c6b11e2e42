// SPDX-License-Identifier: Apache-2.0
//
// Writes vectors/cosignature: cosignatures, policies, requests to a witness and evidence, good and bad. The same in every
// run: `node packages/ledger/test/write-cosignature-vectors.ts`. cosignature-vectors.test.ts holds the code to it.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createNoteSigner } from '../src/note-signer.ts'
import { sha256 } from '../src/sha256.ts'
import { encodeCosignature } from '../src/verify/cosignature.ts'
import { formatSignature, formatVkey, noteVerifier, parseNote, signatureTypes } from '../src/verify/note.ts'
import { formatSplitView } from '../src/verify/split-view.ts'
import { createCosigner } from '../src/witness/cosigner.ts'
import { formatSubmission } from '../src/witness/request.ts'
import { createForkedLog } from './forked-log.ts'
import { sampleSigner } from './sample.ts'

const out = new URL('../../../vectors/cosignature/', import.meta.url).pathname
await mkdir(out, { recursive: true })

/** One row a line, so that a diff shows what changed. */
const write = (file: string, rows: readonly object[]) =>
  writeFile(join(out, file), `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`)

const log = createForkedLog('example.com/log', { common: 6, size: 24 })
const impostor = createForkedLog(log.origin, { common: 6, size: 24 }, 0x78)
const stranger = createForkedLog('example.com/other', { common: 6, size: 24 }, 0x79)
const [w1, w2] = [
  createCosigner('witness.example/w1', sampleSigner(0xb1)),
  createCosigner('witness.example/w2', sampleSigner(0xb2)),
]
const timeS = 1_795_262_400
const note = log.note(0, 11)
const { text } = parseNote(note, 'writing vectors')
const line = (signature: Uint8Array) => formatSignature({ name: w1.key.name, id: w1.key.id, signature })
const [good, second] = [w1.cosign(text, timeS), w2.cosign(text, timeS + 1)]
const payload = parseNote(`${text}\n${good}`, 'writing vectors').signatures[0]?.signature as Uint8Array
const flipped = payload.with(40, (payload[40] as number) ^ 1)
const otherTime = payload.with(7, (payload[7] as number) ^ 1)

const found = (name: string, whole: string, times: (readonly [string, number])[]) => ({
  name,
  note: whole,
  witnesses: [w1.vkey, w2.vkey],
  times,
})
const refused = (name: string, whole: string, code: string) => ({
  name,
  note: whole,
  witnesses: [w1.vkey, w2.vkey],
  code,
})
await write('cosignatures.json', [
  found('one witness', note + good, [[w1.vkey, timeS]]),
  found('two witnesses', note + good + second, [
    [w1.vkey, timeS],
    [w2.vkey, timeS + 1],
  ]),
  found('none', note, []),
  found('the time 0', note + w1.cosign(text, 0), [[w1.vkey, 0]]),
  found('the last second of 9999', note + w1.cosign(text, 253_402_300_799), [[w1.vkey, 253_402_300_799]]),
  found('one witness twice: the earlier counts', note + w1.cosign(text, timeS + 5) + good, [[w1.vkey, timeS]]),
  found(
    'a type that is not known, under the name of a witness',
    `${note}— ${w1.key.name} ${Buffer.alloc(2436, 6).toString('base64')}\n${good}`,
    [[w1.vkey, timeS]],
  ),
  found(
    'a note signature with the key of a witness',
    note +
      createNoteSigner(w1.key.name, sampleSigner(0xb1))
        .sign(text)
        .slice(text.length + 1),
    [],
  ),
  refused('a bit of the signature', note + line(flipped), 'NOTE_UNVERIFIED'),
  refused('a bit of the time', note + line(otherTime), 'NOTE_UNVERIFIED'),
  refused('over another checkpoint', log.note(0, 12) + good, 'NOTE_UNVERIFIED'),
  refused('one that holds, and one that does not', note + good + line(flipped), 'NOTE_UNVERIFIED'),
  refused(
    'the text signed without its time',
    note + line(encodeCosignature(timeS, sampleSigner(0xb1).sign(Buffer.from(text)))),
    'NOTE_UNVERIFIED',
  ),
  refused('no time', note + line(payload.slice(8)), 'NOTE_MALFORMED'),
  refused('a byte too few', note + line(payload.slice(0, -1)), 'NOTE_MALFORMED'),
  refused('a byte too many', note + line(Uint8Array.of(...payload, 0)), 'NOTE_MALFORMED'),
  refused('the year 10000', note + w1.cosign(text, 253_402_300_800), 'NOTE_MALFORMED'),
  refused('a time of 2^63', note + line(payload.with(0, 0x80)), 'NOTE_MALFORMED'),
  refused('base64 with bits to spare', (note + good).replace(/(.)==\n$/, 'R==\n'), 'NOTE_MALFORMED'),
  refused('no newline at the end', (note + good).slice(0, -1), 'NOTE_MALFORMED'),
])

const weak = formatVkey(
  noteVerifier(sha256, 'weak.example', new Uint8Array(32), signatureTypes.cosignature),
  signatureTypes.cosignature,
)
const [a, b] = [`witness a ${w1.vkey} https://a.example/\n`, `witness b ${w2.vkey}\n`]
await write('policies.json', [
  { name: 'no quorum is asked for', text: 'quorum none\n', met: [[]], below: [] },
  { name: 'one witness', text: `${a}${b}quorum a\n`, met: [['a'], ['a', 'b']], below: [[], ['b']] },
  { name: 'any of two', text: `${a}${b}group g any a b\nquorum g\n`, met: [['a'], ['b']], below: [[]] },
  { name: 'all of two', text: `${a}${b}group g all a b\nquorum g\n`, met: [['a', 'b']], below: [['a'], ['b']] },
  {
    name: 'groups of groups',
    text: `${a}${b}group g 1 a\ngroup h 2 g b\nquorum h\n`,
    met: [['a', 'b']],
    below: [['a'], ['b']],
  },
  {
    name: 'a log, white space and comments',
    text: `# c\n\tlog  ${log.vkey} https://l.example\n\n  ${a}quorum\ta \n`,
    met: [['a']],
    below: [[]],
  },
  ...Object.entries({
    'an empty file': '',
    'a file that was cut': `${a}quorum a`,
    'no quorum': a,
    'two quorums': 'quorum none\nquorum none\n',
    'a name before its line': `quorum a\n${a}`,
    'a name twice': `${a}witness a ${w2.vkey}\nquorum a\n`,
    'a key twice': `${a}witness b ${w1.vkey}\nquorum a\n`,
    'the key of a log for a witness': `witness a ${log.vkey}\nquorum a\n`,
    'the key of a witness for a log': `log ${w1.vkey}\nquorum none\n`,
    'a key of small order': `witness a ${weak}\nquorum a\n`,
    'a member of two groups': `${a}${b}group g any a\ngroup h all a b\nquorum h\n`,
    'more than there are': `${a}group g 2 a\nquorum g\n`,
    'none of them': `${a}group g 0 a\nquorum g\n`,
    'none as a member': `${a}group g any none\nquorum g\n`,
    'lines that end as on Windows': `${a.replace('\n', '\r\n')}quorum a\r\n`,
    'an unknown word': `${a}quorum a\nother\n`,
    'a word too many': `${a}quorum a b\n`,
  }).map(([name, policy]) => ({ name, text: policy, code: 'POLICY_MALFORMED' })),
])

/** Requests in their order, to one witness that knows one log and has cosigned nothing. */
const send = (name: string, body: Buffer | string, status: number, answer?: string) => ({
  name,
  body: body.toString(),
  status,
  ...(answer === undefined ? {} : { answer }),
})
const raw = (oldSize: number, proof: readonly Uint8Array[], checkpoint: string) =>
  formatSubmission({ oldSize, proof, note: checkpoint })
const x = sha256(Buffer.from('x'))
const body = log.submission(0, 11, 15).toString()
await writeFile(join(out, 'log'), `${log.vkey}\n`)
await write('requests.json', [
  send('hashes that lead from nothing', raw(0, [x], log.note(0, 5)), 422),
  send('the first', log.submission(0, 0, 5), 200),
  send('the same again, as if new', log.submission(0, 0, 5), 409, '5\n'),
  send('the same again', raw(5, [], log.note(0, 5)), 200),
  send('one that grows', log.submission(0, 5, 11), 200),
  send('a smaller one', log.submission(0, 3, 5), 409, '11\n'),
  send('from a size that is past', log.submission(0, 5, 15), 409, '11\n'),
  send('from a size that is to come', raw(12, [], log.note(0, 15)), 409, '11\n'),
  send('an old size above its own', raw(16, [], log.note(0, 15)), 400),
  send('another root for that size', raw(11, [], log.note(1, 11)), 409, '11\n'),
  send('a fork, with its own proof', log.submission(1, 11, 15), 422),
  send('no proof', raw(11, [], log.note(0, 15)), 422),
  send('a hash too many', raw(11, [...log.proofOf(0, 11, 15), x], log.note(0, 15)), 422),
  send('by another key', impostor.submission(0, 11, 15), 403),
  send('of another log', stranger.submission(0, 0, 5), 404),
  send('a leading zero', body.replace('old 11', 'old 011'), 400),
  send('64 hashes', body.replace('\n\n', `\n${`${x.toBase64()}\n`.repeat(64)}\n`), 400),
  send('a hash of 31 bytes', raw(11, [x.slice(1)], log.note(0, 15)), 400),
  send('no empty line', body.replace('\n\n', '\n'), 400),
  send('returns', body.replaceAll('\n', '\r\n'), 400),
  send('a size that is none', body.replace('\n15\n', '\n+15\n'), 400),
  send('after all this, one that grows', body, 200),
])

const seenAt = '2026-11-21T12:00:00.000000000Z'
const split = (name: string, first: string, other: string, proof: readonly Uint8Array[], verdict: object) => ({
  name,
  text: formatSplitView({ first, second: other, proof, logKeys: [log.vkey] }, seenAt),
  ...verdict,
})
const whole = split('', log.note(0, 11), log.note(1, 15), log.proofOf(1, 11, 15), {}).text
await write('split-views.json', [
  split('two roots for one size', log.note(0, 11), log.note(1, 11), [], { kind: 'same_size' }),
  split('a tree that begins otherwise', log.note(0, 11), log.note(1, 15), log.proofOf(1, 11, 15), {
    kind: 'other_prefix',
  }),
  split('a proof that shows nothing', log.note(0, 11), log.note(1, 15), [x], { kind: 'unproven' }),
  split('from a complete subtree', log.note(0, 8), log.note(1, 15), log.proofOf(1, 8, 15), { kind: 'unproven' }),
  split('a tree that extends the other', log.note(0, 11), log.note(0, 15), log.proofOf(0, 11, 15), {
    code: 'SPLIT_VIEW_NONE',
  }),
  split('one tree', log.note(0, 11), log.note(0, 11), [], { code: 'SPLIT_VIEW_NONE' }),
  split('the larger one first', log.note(1, 15), log.note(0, 11), [], { code: 'SPLIT_VIEW_NONE' }),
  split('signed by another key', log.note(0, 11), impostor.note(1, 11), [], { code: 'NOTE_UNVERIFIED' }),
  split(
    'of another log',
    log.note(0, 11),
    log.signer.sign(parseNote(stranger.note(0, 11), 'writing vectors').text),
    [],
    { code: 'SPLIT_VIEW_MALFORMED' },
  ),
  { name: 'a size changed', text: whole.replace('\\n15\\n', '\\n16\\n'), code: 'NOTE_UNVERIFIED' },
  { name: 'without its newline', text: whole.slice(0, -1), code: 'SPLIT_VIEW_MALFORMED' },
  { name: 'a member more', text: whole.replace('"v":1', '"v":1,"w":1'), code: 'SPLIT_VIEW_MALFORMED' },
  { name: 'a version to come', text: whole.replace('"v":1', '"v":2'), code: 'SPLIT_VIEW_MALFORMED' },
  { name: 'a hash that is none', text: whole.replace('"proof":["', '"proof":["AA==","'), code: 'SPLIT_VIEW_MALFORMED' },
  { name: 'a space', text: whole.replace(':', ': '), code: 'JSON_NOT_CANONICAL' },
])
