// SPDX-License-Identifier: Apache-2.0

import { spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import type { Clock, Log } from '@sealwatch/base'
import { type BaselineCheck, readBaselineCheck } from '@sealwatch/contract'
import { cliError } from '../errors.ts'
import { fileOf, type Place } from '../place.ts'
import { plainEnv } from './parts.ts'

export type BaselineSchedule = {
  /** The agent sealed it. */
  sealed(digest: string, endedMs: number): void
  run(signal: AbortSignal): Promise<void>
}

type Given = {
  readonly place: Place
  readonly root: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** 0: only who asks looks. */
  readonly everyMs: number
  readonly tell: (check: BaselineCheck) => void
  readonly clock: Clock
  readonly log: Log
}

const lookEveryMs = 1_000
const hourMs = 3_600_000
/** After one that failed. */
const againMs = hourMs
const hoursMax = 8_760

/** Throws CLI_USAGE. */
export function baselineEveryMs(env: Given['env']): number {
  const given = env.SEALWATCH_BASELINE_EVERY_HOURS || '0'
  if (/^\d{1,4}$/.test(given) && Number(given) <= hoursMax) return Number(given) * hourMs
  const advice = `SEALWATCH_BASELINE_EVERY_HOURS is a number of hours up to ${hoursMax}; 0: never`
  throw cliError('CLI_USAGE', { attempted: 'reading the settings', received: given, advice })
}

/** Has the files looked at when it is time, in a process of its own that waits for everybody else, and has it sealed. */
export function createBaselineSchedule(given: Given): BaselineSchedule {
  const { place, everyMs, tell, clock, log } = given
  const result = fileOf.baselineResult(place)
  let notBeforeMs = 0

  function isDue(): boolean {
    const madeMs = statSync(join(fileOf.baselineFolder(place), 'current'), { throwIfNoEntry: false })?.mtimeMs ?? 0
    return everyMs > 0 && clock.nowMs() >= Math.max(madeMs + everyMs, notBeforeMs)
  }

  function waiting(): BaselineCheck | undefined {
    if (!existsSync(result)) return undefined
    try {
      const check = readBaselineCheck(JSON.parse(readFileSync(result, 'utf8')) as Record<string, unknown>)
      if (check !== undefined) return check
    } catch {
      // A file of another form is of nobody.
    }
    log.error('what a look at the files found is of no form, and is thrown away', { path: result })
    rmSync(result, { force: true })
    return undefined
  }

  async function look(signal: AbortSignal): Promise<void> {
    notBeforeMs = clock.nowMs() + againMs
    const { code, said } = await runIdle(given, signal)
    // 1: there is a finding, which the result says.
    if (code !== 0 && code !== 1 && !signal.aborted) log.error('the files could not be looked at', { code, said })
  }

  return {
    sealed(digest, endedMs) {
      const check = waiting()
      if (check?.digest === digest && check.endedMs === endedMs) rmSync(result, { force: true })
    },
    run: async (signal) => {
      while (!signal.aborted) {
        const check = waiting()
        if (check !== undefined) tell(check)
        else if (isDue()) await look(signal)
        await clock.sleep(lookEveryMs, signal)
      }
    },
  }
}

const saidCharsMax = 2_000

function runIdle({ place, root, env }: Given, signal: AbortSignal): Promise<{ code: number | null; said: string }> {
  const lower = ['/usr/bin/nice', '/usr/bin/ionice'].every(existsSync)
    ? ['/usr/bin/nice', '-n', '19', '/usr/bin/ionice', '-c', '3']
    : []
  const [program = '', ...args] = [
    ...lower,
    ...[process.execPath, '--disable-warning=ExperimentalWarning', join(root, 'apps/cli/src/main.ts')],
    ...['baseline', 'check', '--json', '--data', place.data],
  ]
  const child = spawn(program, args, { cwd: '/', env: plainEnv(env), stdio: ['ignore', 'ignore', 'pipe'] })
  const end = () => void child.kill('SIGTERM')
  signal.addEventListener('abort', end, { once: true })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-saidCharsMax)
  })
  return new Promise((resolve) => {
    const over = (code: number | null) => {
      signal.removeEventListener('abort', end)
      resolve({ code, said })
    }
    child.on('error', (error) => {
      said = error.message
      over(null)
    })
    child.on('close', over)
  })
}
