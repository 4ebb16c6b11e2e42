// SPDX-License-Identifier: Apache-2.0

import { existsSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { type Clock, rfc3339 } from '@sealwatch/base'
import { baselineError } from './errors.ts'
import type { Sums } from './file.ts'
import type { Statement } from './statement.ts'
import { rootsOf } from './walk.ts'

/** Programs, libraries, the kernel, configuration, and by what others come in: of these, those that are there. */
const usual = [
  ...['/bin', '/boot', '/etc', '/lib', '/lib32', '/lib64', '/libx32', '/opt', '/sbin', '/usr'],
  ...['/root/.ssh', '/var/spool/cron'],
]
/** The statement stays below what a KMS signs. */
const placesBytesMax = 2048

export type Places = { readonly roots: readonly Buffer[]; readonly excluded: readonly Buffer[] }

/** Throws BASELINE_EMPTY, BASELINE_TOO_LARGE. */
export function placesOf(paths: readonly string[], excluded: readonly string[], attempted: string): Places {
  const missing = paths.find((path) => !existsSync(path) || !path.isWellFormed() || path.includes('\ufffd'))
  if (missing !== undefined) throw baselineError('BASELINE_EMPTY', { attempted, received: missing })
  const roots = rootsOf(paths.length > 0 ? paths : usual.filter(existsSync), (path) => resolve(path))
  const leftOut = rootsOf(excluded, (path) => resolve(path))
  const bytes = [...roots, ...leftOut].reduce((sum, path) => sum + path.length, 0)
  if (roots.length === 0) throw baselineError('BASELINE_EMPTY', { attempted, received: 'no place at all' })
  if (bytes > placesBytesMax)
    throw baselineError('BASELINE_TOO_LARGE', { attempted, received: `${bytes} bytes of places` })
  return { roots, excluded: leftOut }
}

/** The places that a baseline is of. */
export const placesIn = ({ roots, excluded }: Statement): Places => ({
  roots: roots.map((path) => Buffer.from(path)),
  excluded: excluded.map((path) => Buffer.from(path)),
})

/** What is signed of a walk that has ended. */
export function statedBy(
  clock: Pick<Clock, 'nowNs'>,
  { roots, excluded }: Places,
  sums: Sums,
  seen: Pick<Statement, 'foreign' | 'capabilities'>,
): Statement {
  const { sha256: rows_sha256, ...counts } = sums
  return {
    host: thisHost(),
    created_at: rfc3339(clock.nowNs()),
    roots: roots.map(String),
    excluded: excluded.map(String),
    ...seen,
    ...counts,
    rows_sha256,
  }
}

export function thisHost(): Statement['host'] {
  let machineId = ''
  try {
    machineId = readFileSync('/etc/machine-id', 'latin1').trim()
  } catch {
    // A machine without one is known by its name alone.
  }
  return { hostname: hostname(), machine_id: machineId }
}
