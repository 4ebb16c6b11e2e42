// SPDX-License-Identifier: Apache-2.0

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempDisposable } from 'node:fs/promises'
import { join } from 'node:path'
import { plainFlags } from '../../apps/cli/src/supervise/node-start.ts'
import type { ChainAccount, Flood, Marks, Pace, Said, Told, Turn } from './agents.ts'

const processes = 2

export type Fleet = {
  /** A host for each token; resolves when all are registered. */
  join(tokens: readonly string[], port: number): Promise<void>
  see(pace: Pace): Promise<Turn>
  flood(flood: Flood): Promise<Marks>
  answerAfter(ms: number): Promise<void>
  /** Resolves when each is registered and what was sealed until now is acknowledged. */
  settled(): Promise<void>
  slow(token: string, port: number, bytesPerSecond: number): Promise<void>
  slowAway(): Promise<void>
  account(): Promise<readonly ChainAccount[]>
} & AsyncDisposable

type Process = { ask(told: Told): Promise<Said>; stop(): Promise<void> }

/** Agents, in processes of their own. */
export async function startFleet(): Promise<Fleet> {
  // Each host has a disk of its own: here, memory.
  const dir = await mkdtempDisposable('/dev/shm/sealwatch-bench-')
  const all = Array.from({ length: processes }, () => startProcess(dir.path))
  const [first] = all as [Process]
  let marks = 0
  const each = (told: (i: number) => Told) => Promise.all(all.map((one, i) => one.ask(told(i))))
  const same = async (told: Told) => void (await each(() => told))

  async function turn(told: { readonly see: Pace } | { readonly flood: Flood }, count: number): Promise<Turn> {
    const from = marks
    marks += processes * count
    const said = await each((i) => ({ ...told, marksFrom: from + i * count }))
    const turns = said.flatMap((one) => ('turn' in one ? [one.turn] : []))
    return {
      latenciesMs: turns.flatMap(({ latenciesMs }) => latenciesMs),
      marks: Object.assign({}, ...turns.map((one) => one.marks)),
    }
  }

  return {
    join: async (tokens, port) => {
      const share = tokens.length / processes
      await each((i) => {
        const mine = tokens.slice(i * share, (i + 1) * share)
        return { join: { tokens: mine, names: mine.map((_, n) => `host-${i}-${n}`), port } }
      })
    },
    see: (pace) => {
      const agents = pace.agents / processes
      return turn({ see: { ...pace, agents } }, agents * pace.perSecond * pace.seconds)
    },
    flood: async (flood) => {
      const agents = flood.agents / processes
      return (await turn({ flood: { ...flood, agents } }, agents)).marks
    },
    answerAfter: (ms) => same({ answerAfter: ms }),
    settled: () => same({ settle: true }),
    slow: async (token, port, bytesPerSecond) => void (await first.ask({ slow: { token, port, bytesPerSecond } })),
    slowAway: async () => void (await first.ask({ slowAway: true })),
    account: async () =>
      (await each(() => ({ account: true }))).flatMap((said) => ('account' in said ? said.account : [])),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(all.map((one) => one.stop()))
      await dir[Symbol.asyncDispose]()
    },
  }
}

function startProcess(dir: string): Process {
  const execArgv = [...plainFlags, '--max-semi-space-size=32']
  const child = fork(join(import.meta.dirname, 'agents.ts'), [dir], { execArgv })
  const waiting = new Map<number, PromiseWithResolvers<Said>>()
  let asked = 0
  child.on('message', ({ id, said }: { id: number; said: Said }) => {
    if ('failed' in said) waiting.get(id)?.reject(new Error(`the fleet: ${said.failed}`))
    else waiting.get(id)?.resolve(said)
    waiting.delete(id)
  })
  const ended = once(child, 'exit').then(() => {
    for (const { reject } of waiting.values()) reject(new Error('the fleet ended'))
  })
  return {
    ask: (told) => {
      const answer = Promise.withResolvers<Said>()
      waiting.set(++asked, answer)
      child.send({ id: asked, told })
      return answer.promise
    },
    stop: async () => {
      child.disconnect()
      await ended
    },
  }
}
