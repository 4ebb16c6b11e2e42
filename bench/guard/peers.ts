// SPDX-License-Identifier: Apache-2.0
// Others that see ptrace: how long it takes them until it is written.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock as clock } from '@sealwatch/base'
import { eventually } from '../../test/system/platform.ts'
import { type Figure, figureOf } from '../figure.ts'
import { openAuditd } from '../sensor/watchers.ts'
import { type Appended, followAppends, type Programs, type Reach, reach, startVictim } from './trial.ts'

type Peer = {
  readonly name: string
  /** Undefined: it is not installed here. Says the pid of who acted in each line that it writes in the folder. */
  start(dir: string): Promise<AsyncDisposable | undefined>
  readonly pidIn: RegExp
}

const betweenMs = 50

const all: readonly Peer[] = [
  {
    name: 'auditd',
    // As durable as ours: each record is synced.
    start: (dir) => openAuditd(dir, [['-a', 'always,exit', '-F', 'arch=b64', '-S', 'ptrace', '-k', 'ptrace']], 'SYNC'),
    pidIn: /^type=SYSCALL .* pid=(\d+) /,
  },
  { name: 'bpftrace', start: startBpftrace, pidIn: /^ptrace (\d+)$/ },
]

/** From before the call to the line in its file, in milliseconds. */
export async function* peers(
  { reach: program, victim, appended }: Programs,
  dir: string,
  times: number,
): AsyncGenerator<Figure> {
  using aim = await startVictim(victim, 4096)
  for (const { name, start, pidIn } of all) {
    const of = join(dir, name)
    await mkdir(of)
    await using peer = await start(of)
    if (peer === undefined) {
      console.error(`guard: ${name} is not installed, and left out`)
      continue
    }
    await using writes = await followAppends(appended, of, 'log')
    const acts: Reach[] = []
    for (let i = 0; i < times; i += 1) {
      acts.push(await reach(program, 'seize', aim))
      await clock.sleep(betweenMs)
    }
    const ms = await eventually(`all that ${name} saw`, async () => {
      const at = writtenBy(writes, pidIn)
      const found = acts.map(({ pid, calledNs }) => {
        const writtenNs = at.get(pid)
        return writtenNs === undefined ? undefined : Number(writtenNs - calledNs) / 1e6
      })
      return found.every((one) => one !== undefined) ? found : undefined
    })
    yield figureOf(`guard.told-seize-by-${name}`, 'ms', ms)
  }
}

const writtenBy = (writes: Appended, pidIn: RegExp): ReadonlyMap<number, bigint> =>
  new Map(
    writes.lines().flatMap(({ text, writtenNs }) => {
      const pid = pidIn.exec(text)?.[1]
      return pid === undefined ? [] : [[Number(pid), writtenNs] as const]
    }),
  )

/** It syncs nothing. */
async function startBpftrace(dir: string): Promise<AsyncDisposable | undefined> {
  if (!existsSync('/usr/bin/bpftrace')) return undefined
  const log = await open(join(dir, 'log'), 'a')
  const program = 'BEGIN { printf("ready\\n"); } tracepoint:syscalls:sys_enter_ptrace { printf("ptrace %d\\n", pid); }'
  const child = spawn('/usr/bin/bpftrace', ['-B', 'line', '-e', program], { stdio: ['ignore', log.fd, 'ignore'] })
  const ended = once(child, 'exit')
  await eventually('bpftrace', async () => ((await log.stat()).size > 0 ? true : undefined))
  return {
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM')
      await ended
      await log.close()
    },
  }
}
