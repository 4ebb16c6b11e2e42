// SPDX-License-Identifier: Apache-2.0
// Do our engine and libmodsecurity find the same rules? `node bench/peers/same-rules.ts CORPUS.jsonl.gz [RULES SETUP VARIABLE]`
// at paranoia level 2, of a sample of the corpus (bench/README.md, Requests to replay).

import { existsSync } from 'node:fs'
import process from 'node:process'
import { createInjection } from '@sealwatch/detect/injection'
import { decodeRequest, type RequestContext } from '@sealwatch/detect/request'
import { contextOfRow, rowsOf } from '../detect/corpus.ts'
import { debianRules, judgeByModSecurity, loadOurs } from './modsecurity.ts'

const [attacksMax, othersMax] = [1_200, 800]
const [corpus = '', rules, setup, variable] = process.argv.slice(2)
const debian = debianRules(2)
const set = rules && setup && variable ? { rules, setup, variable, level: 2 } : debian

const missing = [corpus, set.rules, set.setup].filter((path) => !existsSync(path))
if (missing.length > 0) console.error(`SKIPPED: ${missing.join(', ')} is not there`)
else compareAll(contextsIn(corpus))

function contextsIn(path: string): RequestContext[] {
  const rows = rowsOf(path)
  const sample = (label: number, count: number) => {
    const all = rows.filter((row) => row.label === label)
    return all.filter((_, at) => at % Math.max(1, Math.floor(all.length / count)) === 0).slice(0, count)
  }
  return [...sample(1, attacksMax), ...sample(0, othersMax)].map(contextOfRow)
}

function compareAll(contexts: readonly RequestContext[]): void {
  const theirs = judgeByModSecurity(contexts, set)
  if (theirs === undefined) return
  const { engine } = loadOurs(set)
  const injection = createInjection()
  const differing = new Map<string, number>()
  let same = 0
  contexts.forEach((context, at) => {
    const ours = new Set(engine.evaluate(context, decodeRequest(context), injection).matches.map(({ id }) => id))
    const { ids = new Set<number>() } = theirs[at] ?? {}
    const told = [
      ...[...ids].filter((id) => !ours.has(id)).map((id) => `only libmodsecurity ${id}`),
      ...[...ours].filter((id) => !ids.has(id)).map((id) => `only ours ${id}`),
    ]
    if (told.length === 0) same += 1
    for (const line of told) differing.set(line, (differing.get(line) ?? 0) + 1)
  })
  console.log(`${same} of ${contexts.length} requests: the same rules`)
  for (const [line, count] of [...differing].sort((a, b) => b[1] - a[1])) console.log(`${count} ${line}`)
}
