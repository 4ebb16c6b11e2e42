// SPDX-License-Identifier: Apache-2.0
// What is wrong with a process before anybody reaches for it, in words.

import type { GuardAudit } from '@sealwatch/contract'
import type { Examination } from '../sources/observation.ts'
import { dumpsItself, listensSomewhere, optionsOf, profilesItself, runsNode } from './runtime-flags.ts'

/** Code by them runs in the process before its own. */
const preloads: readonly string[] = ['LD_PRELOAD', 'LD_AUDIT', 'GCONV_PATH']

/** Most severe first. `exe` is its image, as far as that is known. */
export function auditOf(found: Examination, exe: string | null): GuardAudit[] {
  const { tracer, holder, variables, optionsHarmless, port, core, isDumpable, isPreloaded, foreignCode } = found
  const preloading = variables.filter((name) => preloads.includes(name))
  const options = runsNode(exe) ? optionsOf(found.argv) : []
  const listens = options.find(listensSomewhere)
  const tells = options.filter((option) => dumpsItself(option) || profilesItself(option)).map(nameOf)
  const rows: readonly (GuardAudit | false)[] = [
    tracer !== undefined && {
      finding: 'traced',
      severity: 'critical',
      advice: `Process ${tracer} traces it and can read all of it: end that, and take its keys for known`,
    },
    holder !== undefined && {
      finding: 'memory_open',
      severity: 'critical',
      advice: `Process ${holder} has its memory open: end that, and take its keys for known`,
    },
    port !== undefined && {
      finding: 'inspector',
      severity: 'critical',
      advice: `Its debugger listens on port ${port} to everybody on this machine: start it without --inspect, and with --disable-sigusr1`,
    },
    port === undefined &&
      listens !== undefined && {
        finding: 'inspector',
        severity: 'critical',
        advice: `It was started with ${listens}, and its debugger listens to everybody on this machine: start it without that, and with --disable-sigusr1`,
      },
    preloading.length > 0 && {
      finding: 'preload',
      severity: 'high',
      advice: `Start it without ${preloading.join(', ')}: what that names runs in it`,
    },
    isPreloaded && {
      finding: 'preload_file',
      severity: 'high',
      advice: 'Empty /etc/ld.so.preload: what it names runs in every program that starts',
    },
    foreignCode !== undefined && {
      finding: 'code_writable',
      severity: 'high',
      advice: `Let ${foreignCode} and its folder be written by root or its own user alone (chown, chmod go-w)`,
    },
    core > 0n && {
      finding: 'core_limit',
      severity: 'medium',
      advice: 'Start it with a core limit of 0 (LimitCORE=0, ulimit -c 0): a crash writes its memory to the disk',
    },
    isDumpable && {
      finding: 'dumpable',
      severity: 'medium',
      advice: 'Let it call prctl(PR_SET_DUMPABLE, 0) once it runs: other processes of its user can read its memory',
    },
    variables.includes('NODE_OPTIONS') &&
      optionsHarmless !== true && {
        finding: 'runtime_flags',
        severity: 'medium',
        advice:
          'Start it without NODE_OPTIONS, or with flags in it that do no harm: by others whoever sets it runs code in the process',
      },
    tells.length > 0 && {
      finding: 'runtime_flags',
      severity: 'medium',
      advice: `Start it without ${tells.join(', ')}: what it writes by that tells of its memory to whoever reads the file`,
    },
  ]
  return rows.filter((row) => row !== false)
}

/** Without its value. */
const nameOf = (option: string): string => option.split('=')[0] ?? option

/** Nobody answered: there is no sensor, or it ended while it was looked at. */
export const notExamined: readonly GuardAudit[] = [
  {
    finding: 'not_examined',
    severity: 'low',
    advice: 'The sensor did not say how it is: see what sealwatch doctor says of the sensor, and register again',
  },
]
