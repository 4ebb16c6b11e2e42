// SPDX-License-Identifier: Apache-2.0
// Services that behave, in a process of their own: `node bench/producers/load.ts`, told over its IPC channel. Frames and
// requests are made and signed ahead of each turn, so that what is measured is the control plane's.

import { createPrivateKey } from 'node:crypto'
import process from 'node:process'
import { systemClock as clock } from '@sealwatch/base'
import { keySigner, signRows } from '@sealwatch/producer'
import { type Connection, openGrpc, openRest } from './connections.ts'

export type LoadService = { readonly name: string; readonly token: string; readonly key: string }
export type Where = { readonly port: number; readonly apiPort: number; readonly ca: string }
export type Turn = { readonly perSecond: number; readonly seconds: number; readonly rows: number }
/** As many requests as fast as it goes, some at a time. */
export type Rush = { readonly requests: number; readonly rows: number }
/** Milliseconds from when each request was due to its answer. */
export type Latencies = { readonly grpc: readonly number[]; readonly rest: readonly number[] }
export type Told =
  | { readonly connect: readonly LoadService[]; readonly where: Where }
  | { readonly turn: Turn }
  | { readonly rush: Rush }
export type Said =
  | { readonly connected: number }
  | { readonly latencies: Latencies }
  | { readonly seconds: number }
  | { readonly failed: string }

const atOnce = 20
const rushAtOnce = 64
const lookMs = 2

type Service = { readonly door: keyof Latencies; readonly signer: ReturnType<typeof keySigner> } & Connection
const services: Service[] = []
let sent = 0

/** Every second one by the API, the others by gRPC, each on a connection of its own. */
async function connect(all: readonly LoadService[], where: Where): Promise<Said> {
  for (let from = 0; from < all.length; from += atOnce) {
    const some = all.slice(from, from + atOnce).map(async ({ name, token, key }, i): Promise<Service> => {
      const door = (from + i) % 2 === 0 ? 'grpc' : 'rest'
      const connection = await (door === 'grpc' ? openGrpc : openRest)(where, token)
      return { door, signer: keySigner(name, createPrivateKey(key)), ...connection }
    })
    services.push(...(await Promise.all(some)))
  }
  return { connected: services.length }
}

/** Each sends in its turn, over all that is asked for. */
async function prepared(count: number, rows: number) {
  const all: { readonly door: keyof Latencies; send(): Promise<void> }[] = []
  for (const last = sent + count; sent < last; ) {
    const { door, signer, prepare } = services[sent % services.length] as Service
    sent += 1
    const texts = Array.from({ length: rows }, (_, n) => JSON.stringify({ invoice: sent, line: n, by: 'ana' }))
    all.push({ door, send: prepare(await signRows(signer, texts)) })
  }
  return all
}

async function rush({ requests, rows }: Rush): Promise<Said> {
  const all = (await prepared(requests, rows)).values()
  const beganMs = performance.now()
  const worker = async () => {
    for (const { send } of all) await send()
  }
  await Promise.all(Array.from({ length: rushAtOnce }, worker))
  return { seconds: (performance.now() - beganMs) / 1000 }
}

async function turn({ perSecond, seconds, rows }: Turn): Promise<Said> {
  const due = await prepared(perSecond * seconds, rows)
  globalThis.gc?.()
  const latencies = { grpc: [] as number[], rest: [] as number[] }
  const answers: Promise<unknown>[] = []
  const beganMs = performance.now()
  const dueMs = (i: number) => beganMs + (1000 * i) / perSecond
  for (let i = 0; i < due.length; ) {
    for (; i < due.length && dueMs(i) <= performance.now(); i += 1) {
      const { door, send } = due[i] as (typeof due)[number]
      const atMs = dueMs(i)
      answers.push(send().then(() => latencies[door].push(performance.now() - atMs)))
    }
    await clock.sleep(lookMs)
  }
  await Promise.all(answers)
  return { latencies }
}

process.on('message', async (told: Told) => {
  const answer =
    'connect' in told ? connect(told.connect, told.where) : 'turn' in told ? turn(told.turn) : rush(told.rush)
  const said = await answer.catch((error: Error): Said => ({ failed: `${error.stack}` }))
  process.send?.(said)
})
process.on('disconnect', () => process.exit())
