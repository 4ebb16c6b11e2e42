// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSealwatchError } from '@sealwatch/base'
import fc from 'fast-check'
import { sampleSigner } from '../../test/sample.ts'
import { createNoteSigner } from '../note-signer.ts'
import { sha256 } from '../sha256.ts'
import { createCosigner } from '../witness/cosigner.ts'
import { formatVkey, noteVerifier, signatureTypes } from './note.ts'
import { isQuorumMet, parsePolicy, policyOfAll } from './policy.ts'

const log = (seed: number) => createNoteSigner(`example.com/log${seed}`, sampleSigner(seed)).vkey
const witness = (seed: number) => createCosigner(`witness.example/w${seed}`, sampleSigner(seed)).vkey
const parse = (text: string) => parsePolicy(sha256, text, 'reading a policy')
const isMet = (text: string, cosigned: readonly string[]) => {
  const { quorum, witnesses } = parse(text)
  const names = new Map(witnesses.map(({ name, key }) => [key, name]))
  return isQuorumMet(quorum, (key) => cosigned.includes(names.get(key) ?? ''))
}

// The example of C2SP tlog-policy, with keys.
const example = `log ${log(1)}

witness X1 ${witness(11)}
witness X2 ${witness(12)}
witness X3 ${witness(13)}
group X-witnesses 2 X1 X2 X3

witness Y1 ${witness(21)}
witness Y2 ${witness(22)}
witness Y3 ${witness(23)}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
`

test('the published example: two of the first three, and one of the second', () => {
  const due: [string[], boolean][] = [
    [['X1', 'X2', 'Y1'], true],
    [['X1', 'X3', 'Y3', 'Y2'], true],
    [['X1', 'Y1', 'Y2', 'Y3'], false],
    [['X1', 'X2', 'X3'], false],
    [[], false],
  ]
  for (const [cosigned, met] of due) assert.equal(isMet(example, cosigned), met, cosigned.join())
  assert.deepEqual(
    parse(example).logs.map(({ key, url }) => [formatVkey(key), url]),
    [[log(1), undefined]],
  )
})

test('no witness, one witness, and who is not part of the quorum', () => {
  assert.equal(isMet('quorum none\n', []), true)
  const one = `witness a ${witness(1)} https://witness.example/a\nwitness b ${witness(2)}\nquorum a\n`
  assert.deepEqual([isMet(one, ['a']), isMet(one, ['b']), isMet(one, [])], [true, false, false])
  assert.equal(parse(one).witnesses[0]?.url, 'https://witness.example/a')
  const all = policyOfAll(sha256, [witness(1), witness(2)])
  const [first, second] = all.witnesses
  assert.equal(
    isQuorumMet(all.quorum, (key) => key === first?.key || key === second?.key),
    true,
  )
  assert.equal(
    isQuorumMet(all.quorum, (key) => key === first?.key),
    false,
  )
})

test('white space, comments and empty lines are passed over', () => {
  const text = `# who\n\n \t\n  # and why: ünïcödé\n\twitness\t a   ${witness(1)} \n quorum \t a\t\n`
  assert.equal(isMet(text, ['a']), true)
})

test('what a policy may not say is refused, with its line', () => {
  const weak = formatVkey(
    noteVerifier(sha256, 'w', new Uint8Array(32), signatureTypes.cosignature),
    signatureTypes.cosignature,
  )
  const [a, b] = [`witness a ${witness(1)}\n`, `witness b ${witness(2)}\n`]
  const bad: [string, RegExp][] = [
    ['', /does not end/],
    ['quorum none', /does not end/],
    ['\n', /no quorum line/],
    [a, /no quorum line/],
    ['quorum none\r\n', /control characters/],
    ['quorum none\u007f\n', /control characters/],
    ['quorum none\nquorum none\n', /line 2.*a second quorum/],
    ['quorum\n', /line 1/],
    ['quorum a\n', /line 1.*no line before defines/],
    [`quorum a\n${a}`, /line 1.*no line before defines/],
    ['quorum none more\n', /line 1/],
    ['Quorum none\n', /keyword Quorum/],
    ['__proto__ x\n', /keyword __proto__/],
    ['constructor x\n', /keyword constructor/],
    [`${a}witness a ${witness(2)}\nquorum a\n`, /line 2.*means something already/],
    [`${a}witness b ${witness(1)}\nquorum a\n`, /line 2.*another witness/],
    [`witness none ${witness(1)}\nquorum none\n`, /line 1.*means something already/],
    [`witness a ${log(1)}\nquorum a\n`, /line 1.*none of a witness/],
    [`witness a ${weak}\nquorum a\n`, /line 1.*none of a witness/],
    [`witness a ${witness(1)} https://x more\nquorum a\n`, /line 1.*more than/],
    ['witness a\nquorum a\n', /line 1/],
    [`log ${witness(1)}\nquorum none\n`, /line 1.*none of a log/],
    [`log ${log(1)}\nlog ${log(1)}\nquorum none\n`, /line 2.*another log/],
    [`${a}group g 1\nquorum g\n`, /line 2.*1 out of 0/],
    [`${a}group g 0 a\nquorum g\n`, /line 2/],
    [`${a}group g 2 a\nquorum g\n`, /line 2/],
    [`${a}group g 01 a\nquorum g\n`, /line 2/],
    [`${a}group g most a\nquorum g\n`, /line 2/],
    [`${a}group g any none\nquorum g\n`, /line 2.*none/],
    [`${a}group g any g\nquorum g\n`, /line 2.*no line before defines/],
    [`${a}group g any a a\nquorum g\n`, /line 2.*in a group already/],
    [`${a}${b}group g any a\ngroup h any a b\nquorum h\n`, /line 4.*in a group already/],
    [`${a}group a any a\nquorum a\n`, /line 2/],
    [`${'# x\n'.repeat(20_000)}quorum none\n`, /more than 65536/],
    [
      `${Array.from({ length: 33 }, (_, i) => `witness w${i} ${witness(i + 1)}\n`).join('')}quorum none\n`,
      /line 33.*more than 32/,
    ],
  ]
  for (const [text, said] of bad) {
    assert.throws(
      () => parse(text),
      (error) => isSealwatchError(error, 'POLICY_MALFORMED') && said.test(error.message),
      text.slice(0, 80),
    )
  }
})

test('hostile text never makes it throw anything of its own', () => {
  const words = fc.constantFrom(
    'log',
    'witness',
    'group',
    'quorum',
    'none',
    'all',
    'any',
    '1',
    'a',
    'b',
    witness(1),
    log(2),
    '\n',
    '\t',
    '#',
    'é',
  )
  fc.assert(
    fc.property(fc.array(words), (all) => {
      try {
        parse(`${all.join(' ')}\n`)
      } catch (error) {
        if (!isSealwatchError(error, 'POLICY_MALFORMED')) throw error
      }
    }),
  )
})
