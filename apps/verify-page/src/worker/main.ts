// SPDX-License-Identifier: Apache-2.0
// Runs in a Web Worker, so that the page answers while a large file is read.

import { messageOf, SealwatchError } from '@sealwatch/base/errors'
import { type BundleFile, examine, type Shown } from '../model/evidence.ts'
import { excerptOf } from '../model/excerpt.ts'
import { filterRows } from '../model/filter.ts'
import { goProgramOf } from '../model/go-program.ts'
import { proofOf } from '../model/proof.ts'
import { scriptOf } from '../model/script.ts'
import { unpacked } from '../model/unpack.ts'
import { unreadVerdict, verdictOf } from '../model/verdict.ts'
import type { Answers, Ask, FromWorker, ToWorker } from './messages.ts'

const port = globalThis as unknown as Pick<Worker, 'postMessage' | 'addEventListener'>
const say = (message: FromWorker) => port.postMessage(message)

let name = ''
let trust: readonly string[] = []
let witnesses: Answers['examine']['witnesses']
let shown: Shown | undefined
let lastFilter = 0

const known = (): Shown => {
  if (shown === undefined) throw new Error('there is no verified bundle')
  return shown
}

async function examineFile(
  ask: Extract<Ask, { ask: 'examine' }>,
  onProgress: (bytes: number) => void,
): Promise<Answers['examine']> {
  trust = ask.trust.vkeys
  shown = undefined
  let bundle: BundleFile
  try {
    bundle = await unpacked(ask.file)
  } catch (error) {
    if (!(error instanceof SealwatchError)) throw error
    const nothing = { rows: 0, kinds: {}, hostKeys: [], keys: [], node: undefined, witnesses: undefined }
    return { verdict: unreadVerdict(error), ...nothing, excerpt: undefined }
  }
  // The programs that check without us read the bundle unpacked.
  name = bundle === ask.file ? ask.file.name : ask.file.name.replace(/\.gz$/i, '')
  const share = bundle.size === 0 ? 1 : ask.file.size / bundle.size
  const { report, shown: found } = await examine(bundle, ask.trust, (bytes) => onProgress(Math.round(bytes * share)))
  shown = found
  witnesses = report.witnesses
  return {
    verdict: verdictOf(report, found),
    rows: found?.rows ?? 0,
    kinds: found?.kinds ?? {},
    hostKeys: found?.hostKeys ?? [],
    keys: found?.header.keys ?? [],
    node: found?.header.delegation,
    witnesses,
    excerpt: report.problem && (await excerptOf(bundle, report.problem.fileLine)),
  }
}

async function prove(row: number): Promise<Answers['prove']> {
  const line = await known().line(row)
  const proof = await proofOf(known(), line)
  const keys = trust.length > 0 ? trust : known().header.keys
  return {
    proof,
    witnesses,
    words: line.words,
    text: JSON.stringify(line.line, undefined, 2),
    personal: Object.entries(line.side ?? {}).map(([pointer, { value }]) => ({ pointer, value })),
    script: scriptOf(proof, name, keys),
    goProgram: goProgramOf(proof, name, keys),
  }
}

function answer(id: number, ask: Ask): Promise<Answers[keyof Answers]> {
  const onProgress = (progress: number) => say({ id, progress })
  switch (ask.ask) {
    case 'examine':
      return examineFile(ask, onProgress)
    case 'rows':
      return known()
        .lines(ask.rows)
        .then((lines) => lines.map(({ row, leaf, words }) => ({ row, leaf, words })))
    case 'filter':
      lastFilter = id
      return filterRows(known(), ask.filter, onProgress, () => lastFilter !== id)
    case 'prove':
      return prove(ask.row)
  }
}

port.addEventListener('message', ({ data: { id, message } }: MessageEvent<ToWorker>) => {
  answer(id, message).then(
    (result) => say({ id, answer: result }),
    (error: unknown) => say({ id, failure: messageOf(error) }),
  )
})
