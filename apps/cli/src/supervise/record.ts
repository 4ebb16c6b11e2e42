// SPDX-License-Identifier: Apache-2.0

import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { readJsonFile } from '../json-file.ts'
import { fileOf, type Place } from '../place.ts'
import type { PartState } from './part.ts'
import type { Task } from './task.ts'

/** RUN/supervisor.json and its copy in DATA: what runs, for `status`, and for the next supervisor. */
export type SupervisorRecord = {
  /** Which life of the machine it tells of: pid and start of a task may both come back in the next. */
  readonly boot: string
  readonly task: Task
  readonly phase: 'starting' | 'ready' | 'stopping'
  readonly started: string
  readonly parts: readonly PartState[]
}

/** DATA/instance.json: how a command finds the running instance. */
export type InstanceRecord = {
  readonly version: string
  readonly pid: number
  readonly port: number
  /** HOST:PORT of the server elsewhere that this machine has joined; left out: a server runs here. */
  readonly joined?: string | undefined
  readonly runDir: string
  readonly started: string
}

/** Synchronous, so that no child is ever alive without being on record for longer than the write takes. */
export function writeRecord(path: string, value: SupervisorRecord | InstanceRecord): void {
  writeFileSync(`${path}.new`, `${JSON.stringify(value)}\n`, { mode: 0o644 })
  renameSync(`${path}.new`, path)
}

/** Both, as far as they are there and of this life of the machine. */
export async function readSupervisors(place: Place): Promise<SupervisorRecord[]> {
  const records = await Promise.all(supervisorFiles(place).map((path) => readJsonFile<SupervisorRecord>(path)))
  return records.filter((record) => record !== undefined).filter(({ boot }) => boot === bootId())
}

export const readSupervisor = async (place: Place) => (await readSupervisors(place))[0]

export function removeSupervisors(place: Place): void {
  for (const path of supervisorFiles(place)) {
    rmSync(path, { force: true })
    // Left by a write that found no room.
    rmSync(`${path}.new`, { force: true })
  }
}

export const supervisorFiles = (place: Place): readonly string[] => [
  fileOf.supervisor(place),
  fileOf.supervisorCopy(place),
]

export const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()

export const readInstance = (place: Place) => readJsonFile<InstanceRecord>(fileOf.instance(place))
