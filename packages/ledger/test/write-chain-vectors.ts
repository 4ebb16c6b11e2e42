// SPDX-License-Identifier: Apache-2.0
//
// Writes vectors/chain: files of a host's chain with epochs (chain.md, 5 and 6), good and bad. The same in every run:
// `node packages/ledger/test/write-chain-vectors.ts`. chain-vectors.test.ts holds the code to what was written.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { rfc3339 } from '@sealwatch/base'
import { sealLine } from '../src/chain/seal.ts'
import { createNoteSigner } from '../src/note-signer.ts'
import { sha256 } from '../src/sha256.ts'
import { firstEpoch } from '../src/verify/epoch.ts'
import { epochKeyName, headText, headTextV2, hostKeyName } from '../src/verify/head.ts'
import { type Body, noHash } from '../src/verify/line.ts'
import { ndjson, sampleSigner } from './sample.ts'

const out = new URL('../../../vectors/chain/', import.meta.url).pathname
const chain = '0c'.repeat(16)
const host = sampleSigner(0x10)
const epochKeys = [0x20, 0x21, 0x22].map(sampleSigner)
const publicKey = (epoch: number) => (epochKeys[epoch] as (typeof epochKeys)[number]).publicKey.toHex()
const timeNs = 1_795_262_400_000_000_000n

/** What a line shall be; a head is signed for its place, by the keys of `signers` (-1: the host's). */
type Spec = { readonly epoch: number | null; readonly body: Body | 'head'; readonly signers?: readonly number[] }

const noFile = { prev_file: null, prev_last_hash: null, prev_sequence_num: null }
const anchor = (change: object = {}): Body => ({
  anchor: {
    tenant: 'default',
    key_id: host.keyId,
    origin: null,
    ...noFile,
    epoch_key: publicKey(0),
    epoch_first_seq: 0,
    epoch_acknowledged: 0,
    ...change,
  },
})
const event: Body = { event: { class_uid: 1007, message: 'a process' } }
const close = (
  next: number,
  first_seq: number,
  lines: number,
  next_seq = 0,
  checkpoint: string | null = null,
): Body => ({
  close: { next_key: publicKey(next), first_seq, lines, acknowledged: { next_seq, checkpoint } },
})

function fileOf(
  specs: readonly Spec[],
  from = { nextSeq: 0, tip: noHash },
): { text: string; tip: string; nextSeq: number } {
  let position = from
  const lines = specs.map(({ epoch, body, signers = [-1, epoch ?? 0] }) => {
    const at = { ...position, ...(epoch !== null && { epoch: { ...firstEpoch('', 0), number: epoch } }) }
    const place = { chain, epoch: epoch ?? 0, prev: position.tip, seq: position.nextSeq, time: rfc3339(timeNs) }
    const text = epoch === null ? headText(chain, place.seq, place.prev) : headTextV2(sha256, place, undefined)
    const signatures = signers.map((key) =>
      key < 0
        ? createNoteSigner(hostKeyName(host.keyId), host).signature(text)
        : createNoteSigner(epochKeyName(chain, epoch ?? 0), epochKeys[key] as typeof host).signature(text),
    )
    const line = sealLine(
      chain,
      at,
      timeNs,
      body === 'head' ? { head: { note: `${text}\n${signatures.join('')}` } } : body,
    )
    position = { nextSeq: line.seq + 1, tip: line.hash }
    return line
  })
  return { text: ndjson(lines).toString(), ...position }
}

const e =
  (epoch: number) =>
  (body: Spec['body'], signers?: readonly number[]): Spec => ({
    epoch,
    body,
    ...(signers && { signers }),
  })
const [e0, e1] = [e(0), e(1)]
const v1 = (body: Spec['body']): Spec => ({ epoch: null, body, signers: [-1] })
const first = [e0(anchor()), e0(event), e0('head')]
const closed = [...first, e0(close(1, 0, 3)), e0('head')]
const name = (seq: number) => `${String(seq).padStart(16, '0')}.ndjson`

type Row = { name: string; files: Record<string, string>; keys: readonly string[]; code?: string; fileLine?: number }
const one = (title: string, specs: readonly Spec[], key: number, code?: string, fileLine?: number): Row => ({
  name: title,
  files: { [name(0)]: fileOf(specs).text },
  keys: [publicKey(key)],
  ...(code !== undefined && { code }),
  ...(fileLine !== undefined && { fileLine }),
})
const checkpoint = createNoteSigner('log', sampleSigner(0x30)).sign(`log\n1\n${'A'.repeat(43)}=\n`)
const whole = fileOf(closed)
const tied = {
  prev_file: name(0),
  prev_last_hash: whole.tip,
  prev_sequence_num: 4,
  epoch_key: publicKey(1),
  epoch_first_seq: 5,
}
const next = fileOf([e1(anchor(tied)), e1(event), e1('head')], whole)
const anchorV1: Body = { anchor: { tenant: 'default', key_id: host.keyId, origin: null, ...noFile } }

const rows: Row[] = [
  one('an open epoch', first, 0),
  one('a closed one', closed, 1),
  one('one without lines', [...closed, e1(close(2, 5, 0, 4, checkpoint)), e1('head')], 2),
  { name: 'over two files', files: { [name(0)]: whole.text, [name(5)]: next.text }, keys: [publicKey(1)] },
  one('an append under way', [...first, e0(event)], 0),
  one('version 1 alone', [v1(anchorV1), v1(event), v1('head')], 0),
  one('cut behind an earlier head', first, 1, 'CHAIN_CUT'),
  one('cut behind an earlier close', closed, 2, 'CHAIN_CUT'),
  { ...one('the key gone', closed, 1, 'CHAIN_CUT'), keys: [] },
  one("a head without its epoch's signature", [e0(anchor()), e0(event), e0('head', [-1])], 0, 'HEAD_UNVERIFIED', 3),
  one("a head without its host's signature", [e0(anchor()), e0(event), e0('head', [0])], 0, 'HEAD_UNVERIFIED', 3),
  one("a head by another epoch's key", [e0(anchor()), e0(event), e0('head', [-1, 1])], 0, 'HEAD_UNVERIFIED', 3),
  one('a head by three keys', [e0(anchor()), e0(event), e0('head', [-1, 0, 0])], 0, 'HEAD_UNVERIFIED', 3),
  one('a close without its head', [...first, e0(close(1, 0, 3)), e0(event), e0('head')], 1, 'CHAIN_BROKEN', 5),
  one('a close that begins elsewhere', [...first, e0(close(1, 1, 2)), e0('head')], 1, 'CHAIN_BROKEN', 4),
  one('a close that miscounts', [...first, e0(close(1, 0, 4)), e0('head')], 1, 'CHAIN_BROKEN', 4),
  one('a close that runs ahead', [...first, e0(close(1, 0, 3, 9)), e0('head')], 1, 'CHAIN_BROKEN', 4),
  one(
    'a close that takes back',
    [...first, e0(close(1, 0, 3, 2)), e0('head'), e1(close(2, 5, 0, 1)), e1('head')],
    2,
    'CHAIN_BROKEN',
    6,
  ),
  one('an epoch left early', [...first, e1(event), e1('head')], 1, 'CHAIN_BROKEN', 4),
  one('an epoch that goes on', [...closed, e0(event), e0('head')], 1, 'CHAIN_BROKEN', 6),
  one('an anchor with another key', [...first, e0(anchor({ ...tied, prev_file: name(0) }))], 0, 'CHAIN_BROKEN', 4),
  one('back to version 1', [...first, v1(event), v1('head')], 0, 'CHAIN_BROKEN', 4),
  one('version 2 without an anchor', [v1(anchorV1), v1('head'), e0(event), e0('head')], 0, 'CHAIN_BROKEN', 3),
  one('a chain that begins in epoch 1', [e1(anchor({ epoch_key: publicKey(1) })), e1('head')], 1, 'CHAIN_BROKEN', 1),
  { ...one('a file under another name', first, 0, 'CHAIN_MOVED', 1), files: { [name(1)]: fileOf(first).text } },
  {
    name: 'a file missing in front, not acknowledged',
    files: { [name(5)]: next.text },
    keys: [publicKey(1)],
    code: 'CHAIN_CUT',
  },
]

await mkdir(out, { recursive: true })
await writeFile(join(out, 'chains.json'), `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`)
await writeFile(join(out, 'host.key'), `${host.publicKey.toHex()}\n`)
await writeFile(
  join(out, 'README.md'),
  `# Chains of hosts, with epochs

Bound by [chain.md](../../docs/formats/chain.md), 5 and 6, [line.md](../../docs/formats/line.md) and
[batch-head.md](../../docs/formats/batch-head.md), version 2. Written by \`packages/ledger/test/write-chain-vectors.ts\`, read by
\`packages/ledger/test/chain-vectors.test.ts\`.

\`chains.json\`: directories of a chain. \`files\` by name; \`keys\`: raw public keys (hex) of the epochs whose private keys lie
beside them; \`code\`: what a verifier must say, and \`fileLine\`: of which line of its file, from 1. Without \`code\` it is good.
\`host.key\`: the raw public key of the host, hex. All private keys are 32 times one byte: host 10, epochs 20, 21, 22 (hex).
`,
)
