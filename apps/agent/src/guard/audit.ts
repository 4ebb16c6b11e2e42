// SPDX-License-Identifier: Apache-2.0
// What is wrong with a process before anybody reaches for it, as far as everybody may see it.

import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { GuardAudit } from '@sealwatch/contract'
import { readProc } from '../sources/facts/read-proc.ts'
import type { ProtectedProcess } from './act.ts'

const S_IWGRP_IWOTH = 0o022

/** Most severe first; empty also where the process is gone. */
export function auditOf(process: ProtectedProcess, proc = '/proc'): GuardAudit[] {
  const folder = join(proc, String(process.pid))
  const status = readProc(join(folder, 'status')) ?? ''
  return [
    ...tracerOf(status),
    ...imageOf(process.exe),
    ...coreOf(readProc(join(folder, 'limits')) ?? ''),
    ...dumpableOf(folder, status),
  ]
}

function tracerOf(status: string): GuardAudit[] {
  const tracer = /^TracerPid:\t(\d+)$/m.exec(status)?.[1] ?? '0'
  if (tracer === '0') return []
  const advice = `Process ${tracer} traces it and can read all of it: end that, and take its keys for known`
  return [{ finding: 'traced', severity: 'critical', advice }]
}

function imageOf(exe: string | null): GuardAudit[] {
  try {
    if (exe === null || (statSync(exe).mode & S_IWGRP_IWOTH) === 0) return []
    const advice = `Let ${exe} be written by its owner alone (chmod go-w)`
    return [{ finding: 'image_writable', severity: 'high', advice }]
  } catch {
    return []
  }
}

function coreOf(limits: string): GuardAudit[] {
  const soft = /^Max core file size +(\S+)/m.exec(limits)?.[1] ?? '0'
  if (soft === '0') return []
  const advice = 'Start it with a core limit of 0 (LimitCORE=0, ulimit -c 0): a crash writes its memory to the disk'
  return [{ finding: 'core_limit', severity: 'medium', advice }]
}

/** Of a process that is not dumpable its files in /proc are root's, but for their folder. */
function dumpableOf(folder: string, status: string): GuardAudit[] {
  const uid = Number(/^Uid:\t(\d+)/m.exec(status)?.[1] ?? 0)
  try {
    if (uid === 0 || statSync(join(folder, 'environ')).uid !== uid) return []
    const advice = 'Let it call prctl(PR_SET_DUMPABLE, 0) once it runs: other processes of its user can read its memory'
    return [{ finding: 'dumpable', severity: 'medium', advice }]
  } catch {
    return []
  }
}
