// SPDX-License-Identifier: Apache-2.0
// Many agents in a process of their own: `node bench/fleet/agents.ts DIR`, told over its IPC channel.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { systemClock as clock, type JsonObject } from '@sealwatch/base'
import { markOf } from '../live-listeners.ts'
import { type FleetHost, startFleetHost } from './host.ts'
import { slowRoad } from './slow-road.ts'

/** So many agents see so much a second each, evenly. */
export type Pace = {
  readonly agents: number
  readonly perSecond: number
  readonly kind: 'event' | 'alert'
  readonly seconds: number
}
/** Each of so many hands over so many events at once, of which the last is an alert. */
export type Flood = { readonly agents: number; readonly events: number }
export type Told =
  | { readonly join: { readonly names: readonly string[]; readonly tokens: readonly string[]; readonly port: number } }
  | { readonly see: Pace; readonly marksFrom: number }
  | { readonly flood: Flood; readonly marksFrom: number }
  | { readonly settle: true }
  /** One more, over a road of so many bytes a second, with more to say than goes. */
  | { readonly slow: { readonly token: string; readonly port: number; readonly bytesPerSecond: number } }
  | { readonly slowAway: true }
  | { readonly answerAfter: number }
  | { readonly account: true }
/** When each mark was seen, in milliseconds of the wall clock. */
export type Marks = Readonly<Record<string, number>>
export type Turn = { readonly latenciesMs: readonly number[]; readonly marks: Marks }
export type ChainAccount = FleetHost['chains'][number]
export type Said =
  | { readonly done: true }
  | { readonly turn: Turn }
  | { readonly account: readonly ChainAccount[] }
  | { readonly failed: string }

const dir = process.argv[2] as string
const atOnce = 16
const lookMs = 5
const settleMs = 20
const hosts: FleetHost[] = []
let slow: FleetHost | undefined
let seen = 0

const sample = (file: string) => JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')) as JsonObject
const samples = {
  event: sample('../../vectors/events/process-launch.json'),
  alert: sample('../../rules/shadow-read.fires.json'),
}
const eventOf = (kind: Pace['kind'], message: string): JsonObject => ({ ...samples[kind], message })

async function enrol({ names, tokens, port }: Extract<Told, { join: object }>['join']): Promise<Said> {
  const url = `https://127.0.0.1:${port}`
  for (let from = 0; from < names.length; from += atOnce) {
    const some = names
      .slice(from, from + atOnce)
      .map((name, i) => startFleetHost({ name, dir: join(dir, name), url, token: tokens[from + i] as string }))
    hosts.push(...(await Promise.all(some)))
  }
  return settle()
}

/** Each in its turn; what is due is seen, whatever becomes of what was seen before. */
async function see({ perSecond, agents, kind, seconds }: Pace, marksFrom: number): Promise<Said> {
  const some = hosts.slice(0, agents)
  for (const host of some) host.takeLatencies()
  const count = Math.round(perSecond * agents * seconds)
  const marks: Record<string, number> = {}
  const beganMs = performance.now()
  for (let i = 0; i < count; ) {
    const due = Math.min(count, Math.floor(((performance.now() - beganMs) / 1000) * perSecond * agents))
    for (; i < due; i += 1, seen += 1) {
      const mark = markOf(marksFrom + i)
      if (kind === 'alert') marks[mark] = clock.nowMs()
      some[seen % some.length]?.see(eventOf(kind, kind === 'alert' ? mark : `launched ${i}`))
    }
    await clock.sleep(lookMs)
  }
  await acknowledged(some)
  return { turn: { latenciesMs: some.flatMap((host) => host.takeLatencies()), marks } }
}

async function flood({ agents, events }: Flood, marksFrom: number): Promise<Said> {
  const some = hosts.slice(0, agents)
  for (const host of some) host.takeLatencies()
  const marks: Record<string, number> = {}
  for (const [n, host] of some.entries()) {
    for (let i = 1; i < events; i += 1) host.see(eventOf('event', `launched ${i}`))
    const mark = markOf(marksFrom + n)
    marks[mark] = clock.nowMs()
    host.see(eventOf('alert', mark))
  }
  await acknowledged(some)
  return { turn: { latenciesMs: some.flatMap((host) => host.takeLatencies()), marks } }
}

async function acknowledged(some: readonly FleetHost[]): Promise<void> {
  await clock.sleep(100)
  const wanted = some.map((host) => host.chains.map(({ sealed }) => sealed))
  const lags = (host: FleetHost, i: number) => host.chains.some(({ shipped }, n) => shipped < (wanted[i]?.[n] ?? 0))
  while (some.some((host, i) => !host.isRegistered || lags(host, i))) await clock.sleep(settleMs)
}

async function settle(): Promise<Said> {
  await acknowledged(hosts)
  return { done: true }
}

async function goSlow({ token, port, bytesPerSecond }: Extract<Told, { slow: object }>['slow']): Promise<Said> {
  const road = await slowRoad(port, bytesPerSecond)
  slow = await startFleetHost({ name: 'slow', dir: join(dir, 'slow'), url: `https://127.0.0.1:${road}`, token })
  for (let i = 0; i < 10_000; i += 1) slow.see(eventOf('event', `launched ${i}`))
  return { done: true }
}

function answer(told: Told): Promise<Said> | Said {
  if ('join' in told) return enrol(told.join)
  if ('see' in told) return see(told.see, told.marksFrom)
  if ('flood' in told) return flood(told.flood, told.marksFrom)
  if ('settle' in told) return settle()
  if ('slow' in told) return goSlow(told.slow)
  if ('slowAway' in told) return slow?.stop().then(() => ({ done: true })) ?? { done: true }
  if ('answerAfter' in told) {
    for (const host of hosts) host.answerAfter(told.answerAfter)
    return { done: true }
  }
  return { account: [...hosts, ...(slow === undefined ? [] : [slow])].flatMap((host) => host.chains) }
}

process.on('message', async ({ id, told }: { id: number; told: Told }) => {
  const said = await Promise.resolve(answer(told)).catch((error: Error): Said => ({ failed: `${error.stack}` }))
  process.send?.({ id, said })
})
process.on('disconnect', () => process.exit())
