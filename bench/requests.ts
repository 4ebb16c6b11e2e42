// SPDX-License-Identifier: Apache-2.0

import { existsSync } from 'node:fs'
import { createInjection } from '@sealwatch/detect/injection'
import { decodeRequest, type RequestContext, readContext } from '@sealwatch/detect/request'
import { type Figure, figureOf, quantileOf } from './figure.ts'
import { debianRules, judgeByModSecurity, loadOurs } from './peers/modsecurity.ts'

const set = debianRules(1)
/** The first ones warm up and are not counted. */
const warmRounds = 3
const rounds = Array.from({ length: warmRounds + 7 }, (_, round) => round)
const requestsCount = 400

/** DET-1: what it costs to judge one request by the Core Rule Set at paranoia level 1, beside libmodsecurity in its process. */
export async function* benchRequests(): AsyncGenerator<Figure> {
  if (!existsSync(set.rules) || !existsSync(set.setup)) {
    console.error('SKIPPED: requests: modsecurity-crs is missing (apt-get install modsecurity-crs)')
    return
  }
  const contexts = ordinaryRequests(0)
  const judge = openRules()
  const again = rounds.map(() => contexts.map(judge)).slice(warmRounds)
  const first = rounds.map((round) => ordinaryRequests(round + 1).map(judge)).slice(warmRounds)
  const theirs = judgeByModSecurity([...contexts, ...contexts], set)
    ?.slice(contexts.length)
    .map(({ us }) => us)
  for (const [name, quantile, ours] of [
    ['p50', 0.5, again],
    ['p99', 0.99, again],
    ['first-p50', 0.5, first],
    ['first-p99', 0.99, first],
  ] as const) {
    const values = ours.map((times) => quantileOf(times, quantile))
    const figure = figureOf(`requests.${name}`, 'us', values)
    if (theirs === undefined) yield figure
    else {
      const peer = quantileOf(theirs, quantile)
      const ratio = Number((figure.median / peer).toPrecision(3))
      yield { ...figure, peer: 'libmodsecurity, in its own process', peer_median: Math.round(peer), ratio }
    }
  }
}

/**
 * What people and programs send all day: searches, forms, calls of interfaces, uploads of text. In each round path, session and every text
 * are others than in all the rounds before; what browsers say of themselves stays, as it does.
 */
function ordinaryRequests(round: number): RequestContext[] {
  const agent = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36'
  const words = ['blue', 'shoes', 'size', 'forty', 'select', 'union', 'of', 'caf%C3%A9', 'and', 'order', 'by', 'price']
  return Array.from({ length: requestsCount }, (_, i) => {
    const own = round * requestsCount + i
    const chosen = Array.from({ length: 2 + (i % 30) }, (_, at) => words[(i * 7 + at * 5) % words.length])
    const text = [...chosen, `no${own}`].join('+')
    const headers: [string, string][] = [
      ['Host', 'shop.example.com'],
      ['User-Agent', agent],
      ['Accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'],
      ['Accept-Language', 'en-US,en;q=0.9'],
      ['Cookie', `session=${(own * 2_654_435_761).toString(36)}a8f1; theme=dark`],
      ['Referer', 'https://shop.example.com/search?q=shoes'],
    ]
    const base = { path: `/items/${own}`, headers, address: '192.0.2.1' }
    if (i % 3 === 0) return readContext({ ...base, method: 'GET', query: `q=${text}&page=${own % 9}&sort=-price` })
    const isJson = i % 3 === 1
    const body = isJson
      ? JSON.stringify({ id: own, note: text.replaceAll('+', ' '), tags: ['a', 'b'], price: { amount: 9.5 } })
      : `comment=${text}&rating=5`
    headers.push(
      ['Content-Type', isJson ? 'application/json' : 'application/x-www-form-urlencoded'],
      ['Content-Length', String(body.length)],
    )
    return readContext({ ...base, method: 'POST', query: '', body: Buffer.from(body) })
  })
}

/** Microseconds that a request takes. */
function openRules(): (context: RequestContext) => number {
  const { engine } = loadOurs(set)
  const injection = createInjection()
  return (context) => {
    const startMs = performance.now()
    engine.evaluate(context, decodeRequest(context), injection)
    return (performance.now() - startMs) * 1_000
  }
}
