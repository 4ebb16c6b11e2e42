// SPDX-License-Identifier: Apache-2.0

import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '@sealwatch/base'
import type { Place } from '../place.ts'
import { readSupervisors } from './record.ts'
import { isAlive, signalTask, type Task } from './task.ts'

const graceMs = 3000
const pollMs = 10

/** Ends the parts that outlived a killed supervisor; resolves with their names. The caller holds the lock. */
export async function endLeftovers(place: Place, clock: Clock): Promise<string[]> {
  // Where one of the two could not be written, the other knows more; a task in both is ended once.
  const parts = (await readSupervisors(place)).flatMap((record) => record.parts)
  const ended: string[] = []
  for (const { name, task } of parts) {
    if (task === undefined || !signalTask(task, 'SIGTERM')) continue
    ended.push(name)
    if (!(await isGone(task, clock))) signalTask(task, 'SIGKILL')
    await isGone(task, clock)
  }
  return ended
}

/** Whether a sensor that was killed had left programs attached: they end with their pins. Its counters stay, for the next. */
export function endPrograms(place: Place): boolean {
  const folder = join('/sys/fs/bpf', `sealwatch-${place.name}`)
  try {
    const pins = readdirSync(folder).filter((name) => name !== 'counters')
    for (const name of pins) rmSync(join(folder, name))
    return pins.length > 0
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

/** Names of those that run on, though their supervisor does not. */
export async function leftoversOf(place: Place): Promise<string[]> {
  const parts = (await readSupervisors(place)).flatMap((record) => record.parts)
  return [...new Set(parts.flatMap(({ name, task }) => (task !== undefined && isAlive(task) ? [name] : [])))]
}

async function isGone(task: Task, clock: Clock): Promise<boolean> {
  const deadline = clock.nowMs() + graceMs
  while (isAlive(task) && clock.nowMs() < deadline) await clock.sleep(pollMs)
  return !isAlive(task)
}
