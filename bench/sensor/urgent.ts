// SPDX-License-Identifier: Apache-2.0

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { type Figure, figureOf } from '../figure.ts'
import { temporary } from '../material.ts'

const run = promisify(execFile)
const times = 1_000
const flooders = { '': 0, '-flood': 2 } as const

/** How long the guard waits for what is urgent (docs/formats/frame.md, 12), in microseconds. */
export async function* benchUrgent(runs = 3): AsyncGenerator<Figure> {
  if (process.getuid?.() !== 0) return void console.error('urgent: skipped, it needs root')
  await using dir = await temporary()
  chmodSync(dir.path, 0o755)
  const urgent = join(dir.path, 'urgent')
  await run('gcc', ['-O2', '-o', urgent, join(import.meta.dirname, 'urgent.c')])
  for (const [name, count] of Object.entries(flooders)) {
    const [halves, hundredths]: [number[], number[]] = [[], []]
    for (let turn = 0; turn < runs; turn += 1) {
      const took = (await measured(dir.path, urgent, count)).sort((a, b) => a - b)
      halves.push(took[times / 2] ?? 0)
      hundredths.push(took[(times * 99) / 100] ?? 0)
    }
    yield figureOf(`urgent.p50${name}`, 'us', halves)
    yield figureOf(`urgent.p99${name}`, 'us', hundredths)
  }
}

async function measured(dir: string, urgent: string, flooding: number): Promise<number[]> {
  const [agent, guard, watched] = ['agent', 'guard', 'watched'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ]
  writeFileSync(watched, 'x')
  const child = spawn(urgent, [agent, guard, String(times), String(flooding), watched])
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  await lines.next()
  const program = join(import.meta.dirname, '../../apps/sensor/build/sensor')
  const args = ['--socket', agent, '--guard-socket', guard, '--instance', `bench-${process.pid}`, '--watch', watched]
  const sensor = spawn(program, [...args, '--canary-seconds', '0'], { stdio: 'ignore' })
  const took: number[] = []
  for await (const line of { [Symbol.asyncIterator]: () => lines }) took.push(Number(line))
  sensor.kill('SIGTERM')
  await once(sensor, 'exit')
  if (took.length !== times) throw new Error(`the guard was told ${took.length} of ${times}`)
  return took
}
