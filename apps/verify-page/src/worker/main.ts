// SPDX-License-Identifier: Apache-2.0
// Runs in a Web Worker, so that the page answers while a large file is read.

import { messageOf } from '@sealwatch/base/errors'
import { type BundleFile, examine, type Shown } from '../model/evidence.ts'
import { excerptOf } from '../model/excerpt.ts'
import { filterRows } from '../model/filter.ts'
import { goProgramOf } from '../model/go-program.ts'
import { proofOf } from '../model/proof.ts'
import { scriptOf } from '../model/script.ts'
import { verdictOf } from '../model/verdict.ts'
import type { Answers, Ask, FromWorker, ToWorker } from './messages.ts'

const port = globalThis as unknown as Pick<Worker, 'postMessage' | 'addEventListener'>
const say = (message: FromWorker) => port.postMessage(message)

let file: { readonly name: string } & BundleFile
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
  file = ask.file
  trust = ask.trust.vkeys
  shown = undefined
  const { report, shown: found } = await examine(ask.file, ask.trust, onProgress)
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
    excerpt: report.problem && (await excerptOf(ask.file, report.problem.fileLine)),
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
    script: scriptOf(proof, file.name, keys),
    goProgram: goProgramOf(proof, file.name, keys),
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
