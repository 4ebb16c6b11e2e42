// SPDX-License-Identifier: Apache-2.0
// Tests only: a sensor with a guard, and processes that it protects.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { type ProtectedProcess, protectedOrder } from '../agent/src/guard/protected-order.ts'
import { isHello, isReport, newInstance, startAgent, startSensor, type TestAgent } from './sensor-harness.ts'

export const secret = { seed: 0x1234_5678_9abc_def0n, factor: 0x9e37_79b9_7f4a_7c15n }

export async function attached(t: TestContext, ...extra: readonly string[]) {
  const [agent, guard] = [await startAgent(t), await startAgent(t)]
  const instance = newInstance(t)
  const args = ['--socket', agent.socketPath, '--guard-socket', guard.socketPath, '--instance', instance, ...extra]
  const sensor = startSensor(t, args)
  const [, hello] = [await agent.until(isHello), await guard.until(isHello)]
  return { agent, guard, sensor, hello, start: () => startSensor(t, args) }
}

/** Perl, which does what it is told, line by line. */
export async function startVictim(t: TestContext, ...command: readonly string[]) {
  const script = '$|=1;print"up\\n";while(<STDIN>){eval;print"done\\n"}'
  const [file = '', ...args] = [...command, 'perl', '-e', script]
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  const pid = child.pid ?? 0
  const does = async (act: string) => {
    child.stdin.write(`${act}\n`)
    await once(child.stdout, 'data')
  }
  return { child, pid, self: processOf(pid), does }
}

/** As /proc tells it: to 10 ms. */
export function processOf(pid: number): ProtectedProcess {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
  return { pid, startNs: BigInt(fields[19] ?? 0) * 10_000_000n }
}

let numbers = 1
/** The list is on its way; returns its number. */
export function order(
  guard: TestAgent,
  processes: readonly ProtectedProcess[],
  images: readonly string[] = [],
): number {
  const number = numbers++
  guard.say(protectedOrder({ processes, images }, number, 60, secret))
  return number
}

/** From here on the sensor protects these, and no others. */
export async function protect(
  guard: TestAgent,
  processes: readonly ProtectedProcess[],
  images: readonly string[] = [],
) {
  const number = order(guard, processes, images)
  await guard.until((message) => isReport(message) && message.table === number)
  return number
}
