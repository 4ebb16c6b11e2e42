// SPDX-License-Identifier: Apache-2.0

import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import process, { execPath } from 'node:process'
import { memoryEnv, serverFlags } from '../apps/cli/src/supervise/node-start.ts'
import type { Contender } from './detect/contender.ts'
import { type Labelled, readCorpus, rowOfContext } from './detect/corpus.ts'
import { largeTable } from './detect/large.ts'
import { openLibddwaf } from './detect/libddwaf.ts'
import { openLibmodsecurity } from './detect/modsecurity.ts'
import { openNginx } from './detect/nginx.ts'
import { openOurs } from './detect/ours.ts'
import { type Curve, drawSvg, drawText, foundAt, rocOf } from './detect/roc.ts'
import { latencyTable, type Measured, ratesTable } from './detect/tables.ts'
import { type Figure, figureOf, medianOf } from './figure.ts'

const coreRules = '/usr/share/modsecurity-crs'
const picture = 'detect-roc.svg'

export type DetectOptions = {
  readonly runs: number | undefined
  readonly rows: number | undefined
  /** A folder of requests. */
  readonly corpus: string | undefined
}

/**
 * What is found, what is taken for an attack and is none, and what that costs: ours and its peers over the same requests, in
 * turns. The requests are not in the repository: see bench/README.md.
 */
export async function* benchDetect({ runs = 5, rows = 1_000, corpus }: DetectOptions): AsyncGenerator<Figure | string> {
  const labelled = readCorpus(corpus, rows)
  if (labelled === undefined) return
  const opened = [
    openOurs('basic rules'),
    existsSync(coreRules) ? openOurs('basic and core rules', coreRules) : undefined,
    openLibmodsecurity(),
    await openNginx(),
    openLibddwaf(),
  ]
  const contenders = opened.filter((contender) => contender !== undefined)
  const load = loadavg()
  const measured = await takeTurns(contenders, labelled, runs)
  yield `${cpus().length} cores, load ${load.map((one) => one.toFixed(1)).join(', ')} before; ${runs} turns each over ${labelled.length} requests`
  yield ratesTable(labelled, measured)
  const curves = measured.filter(({ name }) => !name.startsWith('nginx')).map((one) => curveOf(one, labelled))
  writeFileSync(picture, drawSvg(curves))
  yield `${drawText(curves)}\n\nThe same as a picture: ${picture}`
  yield latencyTable(labelled, measured)
  yield await largeTable(contenders.filter(({ name }) => name.startsWith('sealwatch')))
  yield* costs(measured, labelled.length)
  yield* costsOfHonest(measured, labelled)
  yield* memory(contenders, labelled)
  for (const contender of contenders) await contender.end?.()
}

/** All after one another, over and over, so that what else the machine does hits all; a first turn is not counted. */
async function takeTurns(contenders: readonly Contender[], labelled: readonly Labelled[], runs: number) {
  const contexts = labelled.map(({ context }) => context)
  const measured = contenders.map(({ name, learns }) => ({ name, learns, turns: [] as Measured['turns'][number][] }))
  for (let run = 0; run <= runs; run += 1)
    for (const [at, contender] of contenders.entries()) {
      const turn = await contender.turn(contexts)
      if (run > 0) measured[at]?.turns.push(turn)
    }
  return measured
}

function curveOf({ name, turns }: Measured, labelled: readonly Labelled[]): Curve {
  const outcomes = turns.at(-1)?.outcomes ?? []
  const scores = (isAttack: boolean) =>
    outcomes.filter((_, at) => labelled[at]?.isAttack === isAttack).map(({ score }) => score)
  const points = rocOf(scores(true), scores(false))
  const shareFound = (isAttack: boolean) => {
    const own = outcomes.filter((_, at) => labelled[at]?.isAttack === isAttack)
    return own.filter(({ isFound }) => isFound).length / Math.max(1, own.length)
  }
  const chosen = { found: shareFound(true), falsePositives: shareFound(false) }
  const atThree = `${(100 * foundAt(points, 0.003)).toFixed(1)} % at 0.3 %`
  return { name: `${name} (${atThree})`, points, chosen }
}

/** Requests that one core judges in a second, and what a request takes of a processor. */
function* costs(measured: readonly Measured[], requests: number): Generator<Figure> {
  const ours = measured.filter(({ name }) => name.startsWith('sealwatch'))
  const peers = measured.filter(({ name }) => !name.startsWith('sealwatch'))
  for (const { name, turns } of ours) {
    const perCore = turns.map(({ cpuUs }) => (1e6 * requests) / cpuUs)
    const figure = figureOf(`detect.per-core: ${name}`, 'requests/s', perCore)
    if (peers.length === 0) yield figure
    for (const peer of peers) {
      const median = medianOf(peer.turns.map(({ cpuUs }) => (1e6 * requests) / cpuUs))
      yield {
        ...figure,
        peer: peer.name,
        peer_median: Math.round(median),
        ratio: Number((figure.median / median).toPrecision(3)),
      }
    }
  }
  for (const { name, turns } of measured)
    yield figureOf(
      `detect.cpu: ${name}`,
      'us/request',
      turns.map(({ cpuUs }) => cpuUs / requests),
    )
}

/** Nearly all traffic is honest: what one such request takes of whoever judges it. */
function* costsOfHonest(measured: readonly Measured[], labelled: readonly Labelled[]): Generator<Figure> {
  const meanOf = (outcomes: Measured['turns'][number]['outcomes']) => {
    const honest = outcomes.filter((_, at) => labelled[at]?.isAttack === false)
    return honest.reduce((sum, { us }) => sum + us, 0) / honest.length
  }
  const timed = measured.map(({ name, turns }) => ({ name, times: turns.map(({ outcomes }) => meanOf(outcomes)) }))
  const peer = timed.find(({ name }) => name.startsWith('libmodsecurity'))
  const peerMedian = medianOf(peer?.times ?? [])
  for (const { name, times } of timed) {
    const figure = figureOf(`detect.honest: ${name}`, 'us/request', times)
    if (peer === undefined || !name.startsWith('sealwatch')) yield figure
    else {
      const ratio = Number((figure.median / peerMedian).toPrecision(3))
      yield { ...figure, peer: peer.name, peer_median: Math.round(peerMedian), ratio }
    }
  }
}

/** Ours in a process of its own, with the flags of the server, which is handed the requests one by one. */
function* memory(contenders: readonly Contender[], labelled: readonly Labelled[]): Generator<Figure> {
  const program = join(import.meta.dirname, 'detect/memory.ts')
  const input = labelled.map(({ context }) => `${rowOfContext(context)}\n`).join('')
  for (const [name, rules] of [['basic rules'], ['basic and core rules', coreRules]] as const) {
    if (rules !== undefined && !existsSync(rules)) continue
    const args = [...serverFlags, program, ...(rules === undefined ? [] : [rules])]
    const { stdout } = spawnSync(execPath, args, { input, env: { ...process.env, ...memoryEnv } })
    yield figureOf(`detect.memory: sealwatch, ${name}, Node included`, 'MB', [
      (Number(stdout.toString()) * 1_024) / 1e6,
    ])
  }
  for (const { name, peakMb } of contenders)
    if (peakMb !== undefined) yield figureOf(`detect.memory: ${name}`, 'MB', [peakMb()])
}
