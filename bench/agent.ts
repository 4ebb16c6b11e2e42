// SPDX-License-Identifier: Apache-2.0

import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { systemClock as clock } from '@sealwatch/base'
import { eventually, type Platform, startPlatform, whyNot } from '../test/system/platform.ts'
import { cpuSecondsOf } from './child.ts'
import { type Figure, figureOf } from './figure.ts'
import { temporary } from './material.ts'

const run = promisify(execFile)
/** What a start took is given back half a minute after it. */
const settleMs = 45_000
const idleSeconds = 20
const busy = { perSecond: 10_000, seconds: 10 } as const
const parts = ['agent', 'sensor'] as const

/** What a host pays for its agent and its sensor: while nothing happens, and while a watched file is opened 10,000 times a second. */
export async function* benchAgent(runs = 3): AsyncGenerator<Figure> {
  const why = whyNot()
  if (why !== undefined) return void console.error(`agent is skipped: ${why}`)
  await using dir = await temporary()
  const acts = join(dir.path, 'acts')
  await run('gcc', ['-O2', '-static', '-o', acts, join(import.meta.dirname, 'sensor/acts.c')])
  // As ./sealwatch starts it: with a cache of what Node.js made of the sources, which the second start reads.
  const platform = await startPlatform(undefined, { NODE_COMPILE_CACHE: join(dir.path, 'compiled') })
  const green = () =>
    eventually('doctor to be green', async () => (await platform.sealwatch('doctor')).code === 0 || undefined, 90_000)
  try {
    await green()
    await platform.kill('agent')
    await green()
    await clock.sleep(settleMs)
    const [agent, sensor] = await Promise.all(parts.map(async (part) => (await platform.pidOf(part)) as number))
    const pids = { agent: [agent as number], sensor: [sensor as number, ...childrenOf(sensor as number)] }
    const used = () => [...pids.agent, ...pids.sensor].map(cpuSecondsOf).reduce((sum, one) => sum + one, 0)
    const share = async (seconds: number, work: () => Promise<unknown>) => {
      const before = used()
      await work()
      return (100 * (used() - before)) / seconds
    }
    const idle: number[] = []
    for (let i = 0; i < runs; i += 1) idle.push(await share(idleSeconds, () => clock.sleep(1000 * idleSeconds)))
    yield figureOf('agent.idle-cpu', '% of a core', idle)
    yield* memory('idle', pids)
    const loaded: number[] = []
    const count = String(busy.perSecond * busy.seconds)
    const file = join(platform.run, 'canary', 'open')
    for (let i = 0; i <= runs; i += 1)
      loaded.push(await share(busy.seconds, () => opens(platform, acts, ['open', count, file, String(busy.perSecond)])))
    yield figureOf('agent.busy-cpu', '% of a core', loaded.slice(1))
    yield* memory('busy', pids)
  } finally {
    await platform.down()
  }
}

/** Resolves once all of it is acknowledged: what is left to do afterwards counts, too. */
async function opens(platform: Platform, acts: string, argv: readonly string[]): Promise<void> {
  await run(acts, argv)
  const isDone = async () => {
    const { chains } = JSON.parse(readFileSync(join(platform.run, 'agent/status.json'), 'utf8')) as {
      chains: readonly { readonly nextSeq: number; readonly acknowledged: number; readonly toSeal: number }[]
    }
    return chains.every(({ nextSeq, acknowledged }) => nextSeq === acknowledged) || undefined
  }
  await eventually('all to be acknowledged', isDone, 60_000)
}

function* memory(when: string, pids: Readonly<Record<(typeof parts)[number], readonly number[]>>): Generator<Figure> {
  for (const [name, field] of [
    ['memory', 'Rss'],
    ['memory-own', 'Anonymous'],
  ] as const) {
    const [agent, sensor] = parts.map((part) => pids[part].reduce((sum, pid) => sum + memoryMb(pid, field), 0)) as [
      number,
      number,
    ]
    yield figureOf(`agent.${when}-${name}`, 'MB', [agent + sensor])
    yield figureOf(`agent.${when}-${name}-sensor`, 'MB', [sensor])
  }
}

/** The one that tells of changes, of the sensor. */
const childrenOf = (pid: number): readonly number[] =>
  readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  )

function memoryMb(pid: number, field: string): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  return (Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) * 1024) / 1e6
}
