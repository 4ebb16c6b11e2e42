// SPDX-License-Identifier: Apache-2.0

import { renameSync, writeFileSync } from 'node:fs'
import { readJsonFile } from '../json-file.ts'
import { fileOf, type Place } from '../place.ts'
import type { PartState } from './part.ts'
import type { Task } from './task.ts'

/** RUN/supervisor.json: what runs, for `status`, and for the next supervisor should this one be killed. */
export type SupervisorRecord = {
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
  readonly runDir: string
  readonly started: string
}

/** Synchronous, so that no child is ever alive without being on record for longer than the write takes. */
export function writeRecord(path: string, value: SupervisorRecord | InstanceRecord): void {
  writeFileSync(`${path}.new`, `${JSON.stringify(value)}\n`, { mode: 0o644 })
  renameSync(`${path}.new`, path)
}

export const readSupervisor = (place: Place) => readJsonFile<SupervisorRecord>(fileOf.supervisor(place))
export const readInstance = (place: Place) => readJsonFile<InstanceRecord>(fileOf.instance(place))
