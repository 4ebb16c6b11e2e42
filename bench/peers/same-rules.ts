// SPDX-License-Identifier: Apache-2.0
// Do our engine and libmodsecurity find the same rules? `node bench/peers/same-rules.ts CORPUS.jsonl.gz [RULES SETUP VARIABLE]`
// at paranoia level 2, of a sample of the corpus; rows are {label, method, path, query, headers, body}, with a body in latin1.

import { existsSync, readFileSync } from 'node:fs'
import process from 'node:process'
import { gunzipSync } from 'node:zlib'
import { createInjection } from '@sealwatch/detect/injection'
import { decodeRequest, type RequestContext, readContext } from '@sealwatch/detect/request'
import { debianRules, judgeByModSecurity, loadOurs } from './modsecurity.ts'

type Row = Pick<RequestContext, 'method' | 'path' | 'query'> & {
  readonly label: number
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string
}

const [attacksMax, othersMax] = [1_200, 800]
const [corpus = '', rules, setup, variable] = process.argv.slice(2)
const debian = debianRules(2)
const set = rules && setup && variable ? { rules, setup, variable, level: 2 } : debian

const missing = [corpus, set.rules, set.setup].filter((path) => !existsSync(path))
if (missing.length > 0) console.error(`SKIPPED: ${missing.join(', ')} is not there`)
else compareAll(contextsIn(corpus))

function contextsIn(path: string): RequestContext[] {
  const rows = gunzipSync(readFileSync(path))
    .toString('utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Row)
  const sample = (label: number, count: number) => {
    const all = rows.filter((row) => row.label === label)
    return all.filter((_, at) => at % Math.max(1, Math.floor(all.length / count)) === 0).slice(0, count)
  }
  const utf8 = (text: string) => Buffer.from(text, 'utf8')
  return [...sample(1, attacksMax), ...sample(0, othersMax)].map(({ method, path, query, headers, body }) =>
    readContext({
      method,
      path,
      query,
      headers: headers.map(([name, value]) => [utf8(name), utf8(value)]),
      body: Buffer.from(body, 'latin1'),
      address: '192.0.2.1',
    }),
  )
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
