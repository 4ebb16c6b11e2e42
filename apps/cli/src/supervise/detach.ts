// SPDX-License-Identifier: Apache-2.0

import { spawn } from 'node:child_process'
import { openSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { isSealwatchError, messageOf, SealwatchError } from '@sealwatch/base'
import { cliError, cliErrors } from '../errors.ts'
import type { Io } from '../io.ts'
import { fileOf, type Place } from '../place.ts'
import { prepareData } from './layout.ts'
import type { Progress } from './readiness.ts'
import { type Supervised, supervise, type WayIn } from './supervise.ts'

/** What a supervisor in the background tells the command that started it. */
export type Told =
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'notice'; readonly text: string }
  | { readonly kind: 'ready'; readonly way: WayIn }
  | {
      readonly kind: 'failed'
      readonly code: string
      readonly attempted: string
      readonly received?: string | undefined
      readonly advice: string
    }

type View = { readonly progress: (progress: Progress) => void; readonly notice: (text: string) => void }

/** Starts the command as a background process; resolves when it is ready and rejects with its own error when it is not. */
export async function startDetached(io: Io, place: Place, args: readonly string[], view: View): Promise<WayIn> {
  prepareData(place)
  const log = openSync(fileOf.log(place, 'supervisor'), 'a', 0o600)
  const main = join(io.root, 'apps/cli/src/main.ts')
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', main, ...args, '--data', place.data],
    { cwd: '/', detached: true, env: { ...io.env }, stdio: ['ignore', log, log, 'ipc'] },
  )
  const outcome = Promise.withResolvers<WayIn>()
  let troubled: string | undefined
  child.on('message', (told: Told) => {
    if (told.kind === 'progress') {
      view.progress(told.progress)
      troubled = told.progress.state === 'troubled' ? told.progress.detail : troubled
    }
    if (told.kind === 'notice') view.notice(told.text)
    if (told.kind === 'ready') outcome.resolve(told.way)
    if (told.kind === 'failed') outcome.reject(errorOf(told))
  })
  child.on('exit', (code, signal) => {
    const attempted = `starting on ${place.data} in the background`
    outcome.reject(
      code === 0
        ? cliError('CLI_STOPPED', { attempted, received: troubled })
        : cliError('CLI_START_FAILED', { attempted, received: signal ?? `exit ${code}` }),
    )
  })
  const stop = () => child.kill('SIGTERM')
  io.stop.addEventListener('abort', stop)
  try {
    const way = await outcome.promise
    child.disconnect()
    child.unref()
    return way
  } finally {
    io.stop.removeEventListener('abort', stop)
  }
}

/** The far end of it: the same work, told over the channel. */
export async function superviseFor(
  given: Omit<Supervised, 'report' | 'notice' | 'onReady'>,
  tell: (told: Told) => void,
): Promise<void> {
  try {
    await supervise({
      ...given,
      report: (progress) => tell({ kind: 'progress', progress }),
      notice: (text) => tell({ kind: 'notice', text }),
      onReady: (way) => tell({ kind: 'ready', way }),
    })
  } catch (error) {
    tell(failedOf(error))
    throw error
  }
}

function failedOf(error: unknown): Told {
  if (!isSealwatchError(error))
    return {
      kind: 'failed',
      code: 'CLI_START_FAILED',
      attempted: 'starting',
      received: JSON.stringify(messageOf(error)),
      advice: cliErrors.CLI_START_FAILED.advice,
    }
  const { code, attempted, received, advice } = error
  return { kind: 'failed', code, attempted, received, advice }
}

function errorOf({ code, attempted, received, advice }: Extract<Told, { kind: 'failed' }>): Error {
  const row = Object.hasOwn(cliErrors, code) ? cliErrors[code as keyof typeof cliErrors] : cliErrors.CLI_START_FAILED
  return new SealwatchError(code, row, { attempted, shown: received, advice })
}
