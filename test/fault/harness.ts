// SPDX-License-Identifier: Apache-2.0

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { systemClock } from '@sealwatch/base'
import { eventually, type Platform } from '../system/platform.ts'

/** Where the lines of the tenant under test lie. */
export const linesOf = (platform: Platform): string =>
  join(platform.data, 'server/ledgers/tenant-default/lines', `${'0'.repeat(20)}.ndjson`)

/**
 * From now on system calls of a running process fail or dawdle, as strace is told (strace(1), -e inject=…); on these
 * paths alone where some are given. Resolves once strace has hold of every thread; `off` lets go.
 */
export async function inject(
  pid: number,
  rule: string,
  paths: readonly string[] = [],
): Promise<{ off(): Promise<void> }> {
  const calls = rule.slice(0, rule.indexOf(':'))
  const onPaths = paths.flatMap((path) => ['-P', path])
  const argv = ['-f', '-p', String(pid), '-e', `trace=${calls}`, '-e', `inject=${rule}`, ...onPaths, '-o', '/dev/null']
  const child = spawn('strace', argv, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(child, 'close')
  let said = ''
  child.stderr.setEncoding('utf8')
  await new Promise<void>((attached, failed) => {
    child.stderr.on('data', (text: string) => {
      said += text
      if (said.includes(' attached')) attached()
    })
    child.once('exit', () => failed(new Error(`strace ended: ${said}`)))
  })
  return {
    off: async () => {
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** The server's present process, once it serves. */
export const serverPid = (platform: Platform): Promise<number> =>
  eventually('the server to run', async () => {
    const pid = await platform.pidOf('server').catch(() => undefined)
    return pid !== undefined && (await health(platform)) !== undefined ? pid : undefined
  })

export type HealthView = { readonly status: string; readonly [part: string]: unknown }

/** What /healthz of the server says; undefined where nobody answers. */
export async function health(platform: Platform): Promise<HealthView | undefined> {
  const { stdout } = await platform.sealwatch('status', '--json')
  try {
    const { server } = JSON.parse(stdout) as { server?: { health?: string } }
    if (server?.health === undefined) return undefined
    const answer = await fetch(`${server.health}/healthz`, { signal: AbortSignal.timeout(3_000) })
    return (await answer.json()) as HealthView
  } catch {
    return undefined
  }
}

/** Stops the platform but for its files, and has them checked. */
export async function stopAndCheck(platform: Platform): Promise<{ code: number; report: FsckView }> {
  await platform.down(true)
  const { code, stdout } = await platform.sealwatch('audit', 'fsck', '--json')
  return { code, report: JSON.parse(stdout) as FsckView }
}

export type FsckView = {
  readonly ok: boolean
  readonly next: string | null
  readonly server: {
    readonly ledgers: readonly { readonly name: string; readonly findings: readonly object[] }[]
    readonly database: readonly object[]
  } | null
}

export { systemClock }
