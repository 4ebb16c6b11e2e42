// SPDX-License-Identifier: Apache-2.0
// What was told of watched files since the last look at the machine's files: whoever looks next holds what differs against it.

import { appendFile, readFile, rename, writeFile } from 'node:fs/promises'
import type { Clock, Log } from '@sealwatch/base'
import type { Observation } from '../sources/observation.ts'

export type ToldChanges = {
  note(change: Extract<Observation, { kind: 'file_change' }>): void
  /** What was told before is known to whoever looked. Unix milliseconds. */
  forgetBefore(ms: number): Promise<void>
  run(signal: AbortSignal): Promise<void>
}

export const toldLimits = {
  linesMax: 65_536,
  bytesMax: 16 * 1024 * 1024,
  /** What was told in this time before an agent is killed may be missing. */
  writeEveryMs: 1_000,
} as const

/** Stands in the place of all that found no room. */
const full = '"full"\n'

/** Lines of `[ms, path, sha256 or null]`, as docs/formats/baseline.md, 5.3, has them. */
export async function openToldChanges(path: string, clock: Clock, log: Log): Promise<ToldChanges> {
  const known = await readFile(path, 'latin1').catch(() => '')
  let [lines, bytes] = [known.split('\n').length - 1, known.length]
  let isFull = known.endsWith(full)
  let waiting: string[] = []
  let turn: Promise<void> = Promise.resolve()

  /** One after the other; what fails is told, and the next look knows less. */
  function inTurn(work: () => Promise<void>): Promise<void> {
    turn = turn.then(work).catch((error: unknown) => log.error('what was told of files is not remembered', { error }))
    return turn
  }

  async function write(): Promise<void> {
    if (waiting.length === 0) return
    const text = waiting.join('')
    waiting = []
    await appendFile(path, text, { mode: 0o600 })
  }

  function add(name: string, sha256: string | null): void {
    if (isFull) return
    const line = `${JSON.stringify([clock.nowMs(), name, sha256])}\n`
    isFull = lines >= toldLimits.linesMax || bytes + line.length > toldLimits.bytesMax
    lines += 1
    bytes += line.length
    waiting.push(isFull ? full : line)
  }

  return {
    note({ change, path: from, to, after }) {
      const left = change === 'rename' ? to : change === 'remove' ? null : from
      if (from !== null && from !== left) add(from, null)
      if (left !== null) add(left, after?.sha256 ?? null)
    },
    forgetBefore: (ms) =>
      inTurn(async () => {
        await write()
        const all = (await readFile(path, 'utf8').catch(() => '')).split('\n')
        const kept = all
          .filter((line) => line !== '' && Number(/^\[(\d+),/.exec(line)?.[1] ?? 0) >= ms)
          .map((line) => `${line}\n`)
        await writeFile(`${path}.new`, kept.join(''), { mode: 0o600 })
        await rename(`${path}.new`, path)
        lines = kept.length
        bytes = kept.reduce((sum, line) => sum + line.length, 0)
        isFull = false
      }),
    run: async (signal) => {
      while (!signal.aborted) {
        await clock.sleep(toldLimits.writeEveryMs, signal)
        await inTurn(write)
      }
    },
  }
}
