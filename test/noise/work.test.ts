// SPDX-License-Identifier: Apache-2.0
// What servers and developers do all day, by the real programs: no rule calls it more than low.

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, closeSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { systemClock as clock } from '@sealwatch/base'
import { eventually, freePort, type Platform, startPlatform, whyNot } from '../system/platform.ts'
import { type Alert, alertsOf, byDescendantsOf, eventsIn } from './alerts.ts'

const scripts = join(import.meta.dirname, 'work')
const names = readdirSync(scripts).filter((name) => /^\d/.test(name))
const minutes = Number(process.env.NOISE_MINUTES ?? 10)
const share = Math.ceil((minutes * 60) / names.length)
const limitMs = share * 1_000 + 300_000
/** What a script that cannot be run here ends with. */
const cannot = 77
/** What needs no registry and no server, and is done wherever this runs: without it nothing was shown. */
const always = ['20-git.sh', '30-make.sh', '80-look.sh']
const quiet: readonly string[] = ['informational', 'low']

type Work = {
  readonly name: string
  readonly sinceMs: number
  readonly pid: number
  readonly untold?: string
  readonly failed?: string
}

test('DET-2 no rule calls normal work more than low: packages, git, builds, CI jobs, nginx, PostgreSQL, cron, looking around', {
  skip: whyNot() ?? false,
  timeout: names.length * limitMs,
}, async (t) => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-work-'))
  chmodSync(dir.path, 0o755)
  const whole = await startPlatform()
  t.after(() => whole.down())
  await eventually('doctor to be green', async () => (await whole.sealwatch('doctor')).code === 0 || undefined, 120_000)
  const works: Work[] = []
  for (const name of names) works.push(await run(name, dir.path))
  await toldUpToNow(whole)

  const events = eventsIn(whole.data, works[0]?.sinceMs as number)
  const alerts = alertsOf(events)
  const isOurs = byDescendantsOf(new Set(works.map(({ pid }) => pid)), events)
  const ours = alerts.filter(({ event }) => isOurs(event))
  for (const work of works) {
    const done = ours.filter(({ event }) => works.findLast(({ sinceMs }) => sinceMs <= event.time) === work)
    t.diagnostic(`${work.name}: ${work.untold ?? `${done.length} alerts${counted(done)}`}`)
  }
  t.diagnostic(
    `${events.length} events; of what others did meanwhile${counted(alerts.filter(({ event }) => !isOurs(event)))}`,
  )
  assert.deepEqual(
    works.flatMap(({ failed = [] }) => failed),
    [],
  )
  const untold = works.filter((work) => work.untold !== undefined)
  assert.deepEqual(
    untold.filter(({ name }) => always.includes(name)),
    [],
  )
  assert.ok(always.every((name) => names.includes(name)))
  const loud = ours.filter(({ rule }) => !quiet.includes(rule.severity))
  assert.deepEqual(
    loud.map(({ rule, event }) => `${rule.path}: ${event.message}: ${event.actor?.process?.cmd_line}`),
    [],
  )
  if (untold.length > 0) t.skip(`not shown: ${untold.map((work) => `${work.name} (${work.untold})`).join(', ')}`)
})

async function run(name: string, dir: string): Promise<Work> {
  const [own, shared] = [join(dir, name), join(dir, 'shared')]
  for (const folder of [own, shared]) mkdirSync(folder, { recursive: true })
  const said = join(dir, `${name}.said`)
  const output = openSync(said, 'w')
  // Without the flags that tests give to Node.js: a runtime that is given flags is told of.
  const { NODE_OPTIONS: _, ...env } = process.env
  const given = { shared, port: String(await freePort()), seconds: String(share), DEBIAN_FRONTEND: 'noninteractive' }
  const sinceMs = clock.nowMs()
  const child = spawn('bash', [join(scripts, 'work.sh'), join(scripts, name)], {
    cwd: own,
    env: { ...env, ...given },
    stdio: ['ignore', output, output],
    timeout: limitMs,
  })
  const [code] = await once(child, 'exit')
  closeSync(output)
  const text = readFileSync(said, 'utf8')
  const work = { name, sinceMs, pid: child.pid as number }
  if (code === cannot) return { ...work, untold: text.trimEnd().split('\n').at(-1) as string }
  return code === 0 ? work : { ...work, failed: `${name} ended with ${code}: ${text.slice(-2_000)}` }
}

/** What was done before this is told by now. */
async function toldUpToNow({ data }: Platform): Promise<void> {
  const sinceMs = clock.nowMs()
  const mark = `told-by-${process.pid}`
  await eventually('what was done to be told', async () => {
    execFileSync('true', [mark])
    return eventsIn(data, sinceMs).some(({ event }) => event.process?.cmd_line?.includes(mark)) || undefined
  })
}

function counted(alerts: readonly Alert[]): string {
  const groups = Map.groupBy(alerts, ({ rule, event }) => `${rule.severity} ${rule.path} by ${by(event)}`)
  return [...groups].map(([what, all]) => `\n  ${all.length} × ${what}: ${all[0]?.event.message}`).join('')
}

const by = ({ process, actor }: Alert['event']) => (process ?? actor?.process)?.file?.path ?? 'nobody'
