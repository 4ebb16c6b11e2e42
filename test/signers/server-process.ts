// SPDX-License-Identifier: Apache-2.0

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'

const main = join(import.meta.dirname, '../../apps/server/src/main.ts')
/** Started by root the server becomes this user. */
const user = 64_701

/** Makes what lies at `path` the server's. */
export function giveToServer(path: string): void {
  if (process.getuid?.() === 0) chownSync(path, user, user)
}

export type ServerProcess = {
  readonly output: () => string
  /** Resolves once the server serves, or has ended. */
  readonly serving: Promise<void>
  /** Asks it to stop where it still runs. */
  stop(): Promise<{ readonly code: number | null; readonly output: string }>
  /** kill -9. */
  kill(): Promise<void>
}

/** What is compiled already: a start costs a quarter less. */
const compiled = process.env.NODE_COMPILE_CACHE

/** The server's own program on `dir`, with these variables and no others. */
export function startServer(dir: string, env: Readonly<Record<string, string>>): ServerProcess {
  for (const name of ['data', 'run']) if (!existsSync(join(dir, name))) mkdirSync(join(dir, name))
  chmodSync(dir, 0o711)
  giveToServer(join(dir, 'data'))
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      SEALWATCH_SERVER_DATA_DIR: join(dir, 'data'),
      SEALWATCH_SERVER_RUN_DIR: join(dir, 'run'),
      SEALWATCH_SERVER_PORT: '0',
      ...(compiled !== undefined && { NODE_COMPILE_CACHE: compiled }),
      ...env,
    },
  })
  let output = ''
  const ended = once(child, 'close')
  const { promise: serving, resolve } = Promise.withResolvers<void>()
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    if (output.includes('"msg":"serving"')) resolve()
  })
  void ended.then(() => resolve())
  return {
    output: () => output,
    serving,
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
    stop: async () => {
      await serving
      if (child.exitCode === null) child.kill('SIGTERM')
      await ended
      return { code: child.exitCode, output }
    },
  }
}
