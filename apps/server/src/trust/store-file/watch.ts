// SPDX-License-Identifier: Apache-2.0

import { hash } from 'node:crypto'
import { type Disk, isSealwatchError, type Log, messageOf, rfc3339, type SealwatchError } from '@sealwatch/base'
import type { Health } from '@sealwatch/base/health'
import { actEvent, auditTenant, type ServerVoice } from '../../identity/index.ts'
import { trustError } from '../errors.ts'
import { type ApplyOptions, applyTrustStore } from './apply.ts'
import { parseTrustStore, storeLimits } from './parse.ts'

/** As `sealwatch status` and /healthz show it. */
export type TrustStoreState = {
  readonly path: string
  /** RFC 3339: since when what the file says counts, or is not taken; null: nobody knows yet. */
  readonly since: string | null
  /** Why it is not taken; null: it is what counts. */
  readonly problem: string | null
}

export type TrustStoreWatch = {
  /** Reads the file once. Never rejects for what stands in it. */
  look(): Promise<void>
  /** Looks every second until the signal fires. */
  run(signal: AbortSignal): Promise<void>
  /** Why the file is not what counts; undefined: it is. */
  readonly problem: SealwatchError | undefined
  /** Undefined: there is no file. */
  readonly state: TrustStoreState | undefined
}

export type WatchOptions = ApplyOptions & {
  readonly path: string
  readonly disk: Pick<Disk, 'readAt'>
  readonly voice: ServerVoice
  readonly log: Log
}

const everyMs = 1_000

/**
 * Keeps the registry as the trust-store file says. Its content is read each second, so it does not matter how it is replaced: a
 * Secret's `..data` link leads elsewhere from one look to the next. What cannot be taken changes nothing; it is told of when the
 * next look cannot take what is there either, be it the same or not, for a file may be met half-written.
 */
export function watchTrustStore(options: WatchOptions): TrustStoreWatch {
  const { path, disk, store, outbox, voice, clock, log } = options
  const attempted = `reading the trust store ${path}`
  let applied: string | undefined
  let problem: SealwatchError | undefined
  let seen: string | undefined
  let told: string | undefined
  let since: string | null = null

  /** Each state of the file has a name. */
  async function readFile(): Promise<{
    readonly state: string
    readonly bytes: Uint8Array | undefined
    readonly why: string
  }> {
    try {
      const bytes = await disk.readAt(path, 0, storeLimits.bytesMax + 1)
      if (bytes !== undefined) return { state: hash('sha256', bytes, 'hex'), bytes, why: '' }
      return { state: 'missing', bytes, why: 'no such file' }
    } catch (error) {
      const why = messageOf((error as Error).cause ?? error)
      return { state: `unreadable: ${why}`, bytes: undefined, why }
    }
  }

  async function look(): Promise<void> {
    const { state, bytes, why } = await readFile()
    if (state === applied) {
      if (problem !== undefined) {
        log.info('the trust store is what counts again', { path })
        since = rfc3339(clock.nowNs())
      }
      problem = seen = told = undefined
      return
    }
    try {
      if (bytes === undefined) throw trustError('TRUST_STORE_INVALID', { attempted, received: why })
      const changed = await applyTrustStore(parseTrustStore(bytes, attempted), attempted, options)
      log.info('the trust store was read', { path, digest: state, keys_changed: changed })
      applied = state
      since = rfc3339(clock.nowNs())
      problem = seen = told = undefined
    } catch (error) {
      if (!isSealwatchError(error) || error.kind === 'fatal') throw error
      if (seen !== undefined) {
        if (problem === undefined) since = rfc3339(clock.nowNs())
        problem = error
        // One that changes with every look is told of once: the ledger shall not grow by it.
        if (told === undefined || (seen === state && told !== state)) {
          log.critical('the trust store is not taken; what counted before still does', { path, error })
          await tell(error, state)
          told = state
        }
      }
      seen = state
    }
  }

  async function tell(error: SealwatchError, state: string): Promise<void> {
    const event = actEvent(voice, {
      code: 'trust_store_refused',
      component: 'trust',
      tenant: auditTenant,
      timeNs: clock.nowNs(),
      by: { name: 'file:trust-store', requestId: state.slice(0, 64) },
      verb: 'deny',
      severity: 'high',
      message: `the trust-store file is not taken, what counted before still does: ${whyOf(error)}`,
      entity: { type: 'Trust Store', uid: path },
      details: { cause: whyOf(error) },
    })
    await store.transaction((tx) => outbox.enqueue(tx, auditTenant, event))
    outbox.ring()
  }

  return {
    look,
    get problem() {
      return problem
    },
    get state() {
      return path === '' ? undefined : { path, since, problem: problem === undefined ? null : whyOf(problem) }
    },
    run: async (signal) => {
      while (!signal.aborted) {
        await look()
        await clock.sleep(everyMs, signal)
      }
    },
  }
}

const whyOf = ({ received, rule }: SealwatchError) => received ?? rule

/** Without its file the server goes on with the keys that it has. */
export function addTrustHealth(
  { probe, show, metrics }: Pick<Health, 'probe' | 'show' | 'metrics'>,
  watch: TrustStoreWatch,
): void {
  probe({
    name: 'trust-store',
    required: false,
    everyMs: 0,
    check: async () => {
      if (watch.problem !== undefined) throw watch.problem
      return {}
    },
  })
  show('trust_store', () => ({
    level: watch.problem === undefined ? 'ok' : 'warning',
    ...(watch.state ?? { path: null, since: null, problem: null }),
  }))
  metrics.gauge(
    { name: 'sealwatch_trust_store_ok', help: '1 where the trust-store file, if there is one, is what counts' },
    () => (watch.problem === undefined ? 1 : 0),
  )
}
