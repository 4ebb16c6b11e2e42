// SPDX-License-Identifier: Apache-2.0

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { DecoyAnswer, DecoyOrder, LeakedKey, SentSubmission } from './decoy-protocol.ts'
import { drillFailure } from './failures.ts'

export type DecoyKey = { readonly keyId: string; readonly publicKey: string }
/** A decoy in a process of its own; it ends with this, and so does all that it kept. */
export type DecoyProcess = AsyncDisposable & {
  readonly pid: number
  /** Its first key, or the one that it was given. */
  readonly key: DecoyKey
  rotate(): Promise<DecoyKey>
  leak(): Promise<LeakedKey>
  /** Where its key lies now, as long as the process runs. */
  save(): Promise<string>
  /** At most `groupRows`. */
  send(rows: number): Promise<readonly SentSubmission[]>
}
export type DecoyPlace = {
  readonly url: string
  readonly ca: string | undefined
  readonly token: string
  /** Where a folder of its own is made. */
  readonly parent: string
}

/** As many rows as one submission of a drill holds at most. */
export const groupRows = 10
/** A server that is started anew is waited for. */
const answerMsMax = 120_000

export async function startDecoyProcess(
  { parent, ...at }: DecoyPlace,
  leaked: LeakedKey | undefined = undefined,
): Promise<DecoyProcess> {
  const dir = await mkdtemp(join(parent, 'decoy-'))
  const child = fork(join(import.meta.dirname, 'decoy/main.ts'), {
    env: {},
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let complained = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complained = (complained + text).slice(-2000)
  })
  const ended = once(child, 'exit')

  async function ask<A extends DecoyAnswer['answer']>(
    order: DecoyOrder,
    due: A,
  ): Promise<Extract<DecoyAnswer, { answer: A }>> {
    const attempted = `telling the decoy to ${order.order}`
    const over = new AbortController()
    const patience = AbortSignal.any([AbortSignal.timeout(answerMsMax), over.signal])
    try {
      const said = once(child, 'message', { signal: patience })
      child.send(order)
      const [answer] = (await Promise.race([said, ended.then(() => [undefined])])) as [DecoyAnswer | undefined]
      if (answer?.answer === due) return answer as Extract<DecoyAnswer, { answer: A }>
      const received = answer?.answer === 'failed' ? answer.detail : complained || 'it ended'
      throw drillFailure('DRILL_DECOY_STUCK', { attempted, received })
    } catch (cause) {
      if (!patience.aborted) throw cause
      throw drillFailure('DRILL_DECOY_STUCK', { attempted, received: `no answer in ${answerMsMax} ms`, cause })
    } finally {
      over.abort()
    }
  }

  async function stop(): Promise<void> {
    // Nothing of it is to be kept.
    child.kill('SIGKILL')
    await ended
    await rm(dir, { recursive: true, force: true })
  }

  try {
    const { keyId, publicKey } = await ask({ order: 'start', ...at, dir, leaked }, 'key')
    return {
      pid: child.pid ?? 0,
      key: { keyId, publicKey },
      rotate: () => ask({ order: 'rotate' }, 'key'),
      leak: async () => (await ask({ order: 'leak' }, 'leaked')).leaked,
      save: async () => (await ask({ order: 'save' }, 'saved')).path,
      send: async (rows) => (await ask({ order: 'send', rows }, 'sent')).submissions,
      [Symbol.asyncDispose]: stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}
