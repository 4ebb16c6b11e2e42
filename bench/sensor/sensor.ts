// SPDX-License-Identifier: Apache-2.0

import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { fileTableFor, tableOf } from '../../apps/agent/src/policies/enforce.ts'
import { policiesOf } from '../../apps/agent/src/policies/in-force.ts'
import { fileTableOrder, tableOrder } from '../../apps/agent/src/policies/table-order.ts'
import { type Figure, figureOf, medianOf } from '../figure.ts'
import { temporary } from '../material.ts'
import { startAuditd, startSensor, type Watcher } from './watchers.ts'

const run = promisify(execFile)

const times = { exec: 20_000, open: 200_000, connect: 50_000, guarded: 20_000 } as const
type Act = keyof typeof times
const started = { sensor: startSensor, auditd: startAuditd } as const
type Name = keyof typeof started | 'nobody'

/** 200 rules about 1,600 prefixes and a program, none of which is about what is done here. */
function policyOrder(): readonly [number, Uint8Array] {
  const rules = Array.from({ length: 200 }, (_, at) => ({
    id: `r${at}`,
    action: 'deny',
    addresses: Array.from({ length: 8 }, (_each, part) => `172.${16 + (at >> 6)}.${at & 63}.${part * 16}/28`),
    ...(at === 0 && { executables: ['/usr/bin/nobody-has-this'] }),
  }))
  const policy = { type: 'network', name: 'Connections', enabled: true, mode: 'enforce', default: 'allow', rules }
  const told = [{ id: 'connections', version: 1, digest: '', document: JSON.stringify(policy) }]
  const { policies } = policiesOf({ policies: told }, { uid: 'bench', hostname: 'bench' })
  const { table } = tableOf(policies, new Map())
  if (table === undefined) throw new Error('the policy has no room')
  return [1, tableOrder(table, 1, 60, { seed: 3n, factor: 5n })]
}

/** That nobody but one program may open a file. */
function fileOrder(guarded: string, program: string): readonly [number, Uint8Array] {
  const rules = [{ id: 'one', paths: [guarded], may: [{ executables: [program] }] }]
  const document = JSON.stringify({ type: 'file', name: 'A file', enabled: true, mode: 'enforce', rules })
  const told = { policies: [{ id: 'file', version: 1, digest: '', document }] }
  const { policies } = policiesOf(told, { uid: 'bench', hostname: 'bench' })
  const { table } = fileTableFor(policies, new Map())
  if (table === undefined) throw new Error('the policy has no room')
  return [2, fileTableOrder(table, 2, 60)]
}

/**
 * What it costs to be watched: processor time of whoever acts and of whoever watches, for each act in a tight loop, and what
 * that is more than unwatched.
 */
export async function* benchSensor(runs = 5): AsyncGenerator<Figure> {
  if (process.getuid?.() !== 0) return void console.error('sensor: skipped, it needs root')
  await using dir = await temporary()
  const acts = join(dir.path, 'acts')
  await run('gcc', ['-O2', '-static', '-o', acts, join(import.meta.dirname, 'acts.c')])
  mkdirSync(join(dir.path, 'elsewhere'))
  // In a folder where nothing is watched by its name.
  const [watched, other] = ['watched', 'elsewhere/other'].map((name) => join(dir.path, name)) as [string, string]
  const guarded = join(dir.path, 'elsewhere/guarded')
  for (const path of [watched, other, guarded]) writeFileSync(path, 'x')

  /** In microseconds an act. */
  const costs = new Map<string, number[]>()
  const put = (name: string, us: number) => costs.set(name, [...(costs.get(name) ?? []), us])
  const lost: Record<'exec' | 'open', number[]> = { exec: [], open: [] }

  async function measure(by: Name, act: Act, path: string, watcher: Watcher | undefined, name?: string): Promise<void> {
    const before = watcher?.cpuSeconds() ?? 0
    const beganMs = performance.now()
    const opens = act === 'open' || act === 'guarded'
    const { stdout } = await run(acts, [opens ? 'open' : act, String(times[act]), ...(opens ? [path] : [])])
    if (act === 'guarded') put(`${by} waits`, (1e3 * (performance.now() - beganMs)) / times[act])
    const isWatched = act === 'exec' || (act === 'open' && path === watched)
    const told = watcher !== undefined && isWatched ? await watcher.told(act, times[act]) : 0
    const seconds = Number(stdout) + (watcher?.cpuSeconds() ?? 0) - before
    put(name ?? `${by} ${path === other ? 'unwatched' : act}`, (1e6 * seconds) / times[act])
    if (by === 'sensor' && isWatched) lost[act].push(times[act] - Math.min(told, times[act]))
  }

  for (let turn = 0; turn <= runs; turn += 1) {
    if (turn === 1) {
      costs.clear()
      for (const each of Object.values(lost)) each.length = 0
    }
    for (const by of ['nobody', 'sensor', 'auditd'] as const) {
      const of = join(dir.path, `${by}-${turn}`)
      mkdirSync(of)
      await using watcher = by === 'nobody' ? undefined : await started[by](of, watched)
      if (by !== 'nobody' && watcher === undefined) {
        if (turn === 0) console.error(`sensor: ${by} is not installed, and left out`)
        continue
      }
      await measure(by, 'open', other, watcher)
      await measure(by, 'open', watched, watcher)
      await measure(by, 'exec', watched, watcher)
      // Of which the sensor tells one and counts the others; the audit daemon could only tell each.
      if (by !== 'auditd') await measure(by, 'connect', watched, watcher)
      if (by === 'nobody') await measure(by, 'guarded', guarded, watcher)
      if (watcher?.follow === undefined) continue
      await watcher.follow(...policyOrder())
      await measure(by, 'connect', watched, watcher, 'policy connect')
      await watcher.follow(...fileOrder(guarded, acts))
      await measure(by, 'guarded', guarded, watcher)
      await measure(by, 'open', other, watcher, 'beside guarded')
    }
  }

  const of = (name: string) => costs.get(name) ?? []
  const unwatched = figureOf('sensor.unwatched-open', 'us of CPU', of('sensor unwatched'))
  for (const peer of ['nobody', 'auditd'] as const) {
    const alone = of(`${peer} unwatched`)
    if (alone.length > 0) yield against(unwatched, peer === 'nobody' ? 'with nobody watching' : peer, medianOf(alone))
  }
  const connect = figureOf('sensor.connect', 'us of CPU', of('sensor connect'))
  yield against(connect, 'with nobody watching', medianOf(of('nobody connect')))
  const judged = figureOf('sensor.connect-under-policy', 'us of CPU', of('policy connect'))
  yield against(judged, 'the sensor without a policy', medianOf(of('sensor connect')))
  const beside = figureOf('sensor.open-beside-guarded', 'us of CPU', of('beside guarded'))
  yield against(beside, 'the sensor without a policy', medianOf(of('sensor unwatched')))
  const waits = figureOf('sensor.guarded-open', 'us', of('sensor waits'))
  yield against(waits, 'with nobody watching', medianOf(of('nobody waits')))
  for (const act of ['open', 'exec'] as const) {
    const bare = medianOf(of(`nobody ${act}`))
    const more = (by: Name) => of(`${by} ${act}`).map((us) => us - bare)
    const figure = figureOf(`sensor.${act}`, 'us of CPU more', more('sensor'))
    yield of(`auditd ${act}`).length > 0 ? against(figure, 'auditd', medianOf(more('auditd'))) : figure
    yield figureOf(`sensor.${act}-lost`, `of ${times[act].toLocaleString('en')}`, lost[act])
  }
}

const against = (figure: Figure, peer: string, median: number): Figure => ({
  ...figure,
  peer,
  peer_median: Number(median.toPrecision(3)),
  ratio: Number((figure.median / median).toFixed(3)),
})
