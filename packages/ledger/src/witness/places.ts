// SPDX-License-Identifier: Apache-2.0

import { hash } from 'node:crypto'
import { join } from 'node:path'

/** What stands for an origin in names of files and in URLs: the hex SHA-256 of it. */
export const logIdOf = (origin: string): string => hash('sha256', origin, 'hex')

/** The data directory of a witness. */
export const witnessPlaces = (dir: string) => ({
  dir,
  /** Name, fixed at init. */
  identity: join(dir, 'witness.json'),
  key: join(dir, 'witness.key'),
  /** Held by the process that cosigns. */
  lock: join(dir, 'lock'),
  /** Held while logs are added. */
  adminLock: join(dir, 'admin.lock'),
  /** Origin and keys of each log: written by `add-log` alone. */
  logs: join(dir, 'logs'),
  log: (id: string) => join(dir, 'logs', `${id}.json`),
  /** What was cosigned last of each log: written by the cosigning process alone, and once by `add-log`. */
  states: join(dir, 'states'),
  state: (id: string) => join(dir, 'states', `${id}.json`),
  evidence: join(dir, 'evidence'),
})
export type WitnessPlaces = ReturnType<typeof witnessPlaces>
