// SPDX-License-Identifier: Apache-2.0
// The clients of the decoy, in a process of their own, so that nothing else keeps them waiting. They remove its folder when the drill is
// over, however that ends.

import { rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import process from 'node:process'
import { systemClock } from '@sealwatch/base'
import type { ClientsOrder, ClientsTold } from './protocol.ts'

const clients = 4
/** Of each client, between two requests. */
const pauseMs = 10
/** Whoever waits for longer has gone. */
const patienceMs = 5_000

let from: Exclude<ClientsOrder, string> | undefined
let total = 0
let failed = 0
let us: number[] = []
let why = ''

function ask(agent: Agent, socketPath: string, tenant: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ agent, socketPath, path: `/${tenant}`, timeout: patienceMs }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece
      })
      response.once('end', () => (response.statusCode === 200 ? resolve(text) : reject(new Error(text))))
    })
    asked.once('timeout', () => asked.destroy(new Error(`no answer in ${patienceMs} ms`)))
    asked.once('error', reject).end()
  })
}

async function client(order: Exclude<ClientsOrder, string>, from: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (let tenant = from; ; tenant = (tenant + clients) % order.tenants) {
    const fromNs = systemClock.monotonicNs()
    try {
      const text = await ask(agent, order.socket, tenant)
      if (text !== `a value of tenant ${tenant}`) throw new Error('another value')
      us.push(Number((systemClock.monotonicNs() - fromNs) / 1_000n))
    } catch (error) {
      failed += 1
      why = String(error).slice(0, 200)
    }
    total += 1
    await systemClock.sleep(pauseMs)
  }
}

function end(): void {
  // The decoy ends in the same moment, and may still write.
  if (from !== undefined) rmSync(from.dir, { recursive: true, force: true, maxRetries: 20 })
  process.exit(0)
}

process.on('message', (order: ClientsOrder) => {
  if (order === 'tell') {
    const told: ClientsTold = { total, failed, us, why }
    process.send?.(told, () => undefined)
    ;[total, failed, us, why] = [0, 0, [], '']
  } else if (order === 'go') {
    for (let one = 0; one < clients && from !== undefined; one += 1) void client(from, one)
  } else {
    from = order
    if (!process.connected) end()
    process.send?.('ready', () => undefined)
  }
})
for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.on(signal, () => undefined)
process.on('disconnect', end)
// Whoever started them was over before they listened; what he had said by then comes first.
setImmediate(() => {
  if (!process.connected) end()
})
