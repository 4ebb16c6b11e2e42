// SPDX-License-Identifier: Apache-2.0

import { statfs } from 'node:fs/promises'
import type { Clock } from '../clock.ts'
import { messageOf } from '../errors.ts'
import type { Log } from '../log.ts'
import { type Health, type Level, levels } from './health.ts'

/** LOG-3: of the limit, and of the disk. */
export const spaceThresholds = { warning: 0.8, critical: 0.95 } as const
/** A level is left when the use has fallen so far below its threshold: at the edge nothing flutters. */
const easeBy = 0.02

/** The level for a share in use, after `before`. */
export function levelAt(share: number, before: Level): Level {
  const least = (level: 'warning' | 'critical') =>
    spaceThresholds[level] - (levels.indexOf(before) >= levels.indexOf(level) ? easeBy : 0)
  return share >= least('critical') ? 'critical' : share >= least('warning') ? 'warning' : 'ok'
}

/** A log with a limit of its own. */
export type LimitedLog = {
  readonly name: string
  readonly path: string
  readonly bytes: number
  readonly limitBytes: number
}

export type SpaceOptions = {
  readonly health: Health
  /** On whose file system the logs lie. */
  readonly path: string
  readonly logs: () => readonly LimitedLog[]
  /** Something that is written cannot be: critical, whatever the figures say. */
  readonly isStalled: () => boolean
  readonly clock: Clock
  readonly log: Log
}

const everyMs = 10_000

export type Space = {
  /** Looks now; tells in the log where a level has changed. */
  look(): Promise<void>
  /** Looks again and again until the signal fires. */
  watch(signal: AbortSignal): Promise<void>
}

type Disk = { readonly sizeBytes: number; readonly availableBytes: number; readonly share: number }

/** Watches how full the logs and their disk are: on /healthz as `audit_log`, as metrics, and in the log when it changes. */
export function watchSpace({ health, path, logs, isStalled, clock, log }: SpaceOptions): Space {
  const known = new Map<string, Level>()
  let disk: Disk = { sizeBytes: 0, availableBytes: 0, share: 0 }

  /** `about` distinguishes what a level is of; `told` is said when it changes. */
  function judge(about: string, share: number, told: object): Level {
    const before = known.get(about) ?? 'ok'
    const level = levelAt(share, before)
    known.set(about, level)
    if (level === before) return level
    const fields = { ...told, utilisation: round(share), runbook: 'docs/runbooks/audit-log-nearly-full.md' }
    if (level === 'critical') log.critical(`${about} is nearly full`, fields)
    else if (level === 'warning' && before === 'ok') log.warn(`${about} is filling up`, fields)
    else log.info(`${about} has room again`, fields)
    return level
  }

  async function look(): Promise<void> {
    try {
      const { blocks, bavail, bsize } = await statfs(path)
      disk = {
        sizeBytes: blocks * bsize,
        availableBytes: bavail * bsize,
        share: blocks === 0 ? 0 : 1 - bavail / blocks,
      }
    } catch (error) {
      log.error(`the disk of ${path} cannot be looked at: ${messageOf(error)}`)
    }
    judge(diskName, disk.share, { path, available_bytes: disk.availableBytes })
    for (const own of logs())
      judge(logName(own), own.bytes / own.limitBytes, {
        path: own.path,
        size_bytes: own.bytes,
        limit_bytes: own.limitBytes,
      })
  }

  const levelOf = (about: string) => known.get(about) ?? 'ok'
  health.show('audit_log', () => {
    const shown = logs().map((own) => ({
      name: own.name,
      level: levelOf(logName(own)),
      path: own.path,
      size_bytes: own.bytes,
      limit_bytes: own.limitBytes,
      utilisation: round(own.bytes / own.limitBytes),
    }))
    const diskShown = {
      level: levelOf(diskName),
      path,
      size_bytes: disk.sizeBytes,
      available_bytes: disk.availableBytes,
      utilisation: round(disk.share),
    }
    const stalled = isStalled()
    const worst = Math.max(...[...shown, diskShown].map(({ level }) => levels.indexOf(level)))
    return { level: stalled ? 'critical' : (levels[worst] as Level), stalled, logs: shown, disk: diskShown }
  })
  const perLog = (read: (own: LimitedLog) => number) => () => logs().map((own) => [[own.name], read(own)] as const)
  const { metrics } = health
  const labels = ['log']
  metrics.gauge(
    { name: 'sealwatch_audit_log_bytes', help: 'Size of a log', labels },
    perLog(({ bytes }) => bytes),
  )
  metrics.gauge(
    { name: 'sealwatch_audit_log_limit_bytes', help: 'Most that a log may take', labels },
    perLog(({ limitBytes }) => limitBytes),
  )
  metrics.gauge(
    { name: 'sealwatch_audit_log_utilisation', help: 'Share of its limit that a log takes', labels },
    perLog(({ bytes, limitBytes }) => bytes / limitBytes),
  )
  metrics.gauge({ name: 'sealwatch_audit_log_stalled', help: '1 while nothing can be written' }, () =>
    isStalled() ? 1 : 0,
  )
  metrics.gauge({ name: 'sealwatch_disk_bytes', help: 'Size of the file system of the data' }, () => disk.sizeBytes)
  metrics.gauge({ name: 'sealwatch_disk_available_bytes', help: 'Free for the service' }, () => disk.availableBytes)
  metrics.gauge({ name: 'sealwatch_disk_utilisation', help: 'Share in use' }, () => disk.share)

  return {
    look,
    watch: async (signal) => {
      while (!signal.aborted) {
        await look()
        await clock.sleep(everyMs, signal)
      }
    },
  }
}

const diskName = 'the disk of the data directory'
const logName = ({ name }: LimitedLog) => `the log ${name}`
const round = (share: number) => Math.round(share * 1000) / 1000
