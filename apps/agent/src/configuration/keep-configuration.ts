// SPDX-License-Identifier: Apache-2.0
// What the server tells this host to do (docs/formats/host-config.md): verified, kept, in force as a whole or not at all, and
// taken back where the server has not been heard since.

import { readFile } from 'node:fs/promises'
import { type Clock, createBell, type Disk, isSealwatchError, type Log, messageOf } from '@sealwatch/base'
import { type HostConfig, hostConfigLimits } from '@sealwatch/contract/host-config'
import { type AuthorityChain, type HostConfigStatement, openHostConfig } from '@sealwatch/keys'
import { configurationError } from './errors.ts'

/** What became of a configuration, for whoever seals it. */
export type ConfigurationNews =
  | { readonly kind: 'applied'; readonly said: HostConfigStatement }
  | { readonly kind: 'refused'; readonly version: number; readonly why: string }
  | { readonly kind: 'rolled_back'; readonly from: HostConfigStatement; readonly to: HostConfigStatement | undefined }

export type ConfigurationReport = {
  readonly version: number
  readonly digest: string
  readonly onTrial: boolean
  /** 0: the newest was taken, or nobody knows which was not. */
  readonly refusedVersion: number
  readonly refusedWhy: string
}

export type ConfigurationKeeper = {
  /** In force; undefined: nothing was told. */
  readonly current: HostConfig | undefined
  /** The same as it was signed; null: nothing was told. */
  readonly envelope: string | null
  readonly report: ConfigurationReport
  /** Resolves when the report is another, or when the signal fires. */
  changed(signal: AbortSignal): Promise<void>
  /** Whether it is in force now. What is wrong with it is told and reported, and what was in force stays. */
  take(envelope: string): Promise<boolean>
  /** The server has heard that this version is in force. */
  confirm(version: number): Promise<void>
  /** Takes back what nobody confirms in time, until the signal fires. */
  run(signal: AbortSignal): Promise<void>
}

export type KeepConfigurationOptions = {
  readonly path: string
  readonly hostId: string
  readonly tenant: string
  /** Pinned when the host enrolled. */
  readonly authority: AuthorityChain
  /** PEM: the certificate of this host now, and those above it. They are kept beside, for the supervisor, which has no business with the key in the identity's file. */
  readonly identity: () => string
  /** Called within the step that puts it in force. */
  readonly apply: (config: HostConfig | undefined) => void
  readonly onNews: (news: ConfigurationNews) => void
  readonly disk: Disk
  readonly clock: Clock
  readonly log: Log
}

/** The file: envelopes as they were signed, so that each start verifies them anew. */
type Kept = {
  readonly current: string | null
  /** What comes back where `current` is on trial and nobody confirms it. */
  readonly previous: string | null
  readonly onTrial: boolean
  /** The greatest version that was ever taken. */
  readonly highest: number
  readonly refused: { readonly version: number; readonly why: string } | null
}
const nothing: Kept = { current: null, previous: null, onTrial: false, highest: 0, refused: null }
const bytesMax = 8 * 1024 * 1024

export async function keepConfiguration(options: KeepConfigurationOptions): Promise<ConfigurationKeeper> {
  const { path, tenant, apply, onNews, disk, clock, log } = options
  const bell = createBell()
  let kept = await readKept(path, log)
  let current = openKept(kept.current)
  let trialNs = clock.monotonicNs()
  /** Not kept: of one that could not be verified no version is known. */
  let unverified = ''
  if (kept.current !== null && current === undefined) kept = { ...kept, current: null, onTrial: false }
  apply(current?.config)

  /** Its time was looked at when it came. */
  function openKept(envelope: string | null): HostConfigStatement | undefined {
    if (envelope === null) return undefined
    try {
      return openHostConfig(envelope, { ...options, nowMs: undefined })
    } catch (error) {
      if (!isSealwatchError(error)) throw error
      log.critical('the configuration on disk is not what the server signed, and counts for nothing', { path, error })
      return undefined
    }
  }

  /** On disk before it is in force: a crash leaves the old one or the new one. */
  async function put(next: Kept, said: HostConfigStatement | undefined, news?: ConfigurationNews): Promise<void> {
    await disk.replace(path, `${JSON.stringify({ v: 1, identity: options.identity(), ...next })}\n`, 0o600)
    kept = next
    current = said
    trialNs = clock.monotonicNs()
    apply(said?.config)
    if (news !== undefined) onNews(news)
    bell.ring()
  }

  function read(envelope: string): HostConfigStatement {
    const said = openHostConfig(envelope, { ...options, nowMs: clock.nowMs() })
    const attempted = `taking version ${said.version} of the configuration`
    if (said.tenant !== tenant)
      throw configurationError('CONFIG_REPLAYED', { attempted, received: `one of the tenant ${said.tenant}` })
    if (said.version > kept.highest) return said
    throw configurationError('CONFIG_REPLAYED', { attempted, received: `version ${kept.highest} has been seen` })
  }

  async function take(envelope: string): Promise<boolean> {
    try {
      const said = read(envelope)
      // One that was itself on trial is not what to go back to.
      const previous = kept.onTrial ? kept.previous : kept.current
      const next = { current: envelope, previous, onTrial: true, highest: said.version, refused: null }
      const before = unverified
      unverified = ''
      await put(next, said, { kind: 'applied', said }).catch((error: unknown) => {
        unverified = before
        throw error
      })
      log.info('a configuration is in force, until the server has heard of it on trial', { version: said.version })
      return true
    } catch (error) {
      if (!isSealwatchError(error) || error.kind === 'fatal') throw error
      const why = messageOf(error)
      log.critical('a configuration is not taken; what was in force stays', { error })
      if (why !== unverified) onNews({ kind: 'refused', version: 0, why })
      unverified = why
      bell.ring()
      return false
    }
  }

  async function rollBack(from: HostConfigStatement): Promise<void> {
    const to = openKept(kept.previous)
    const why = `no word of the server within ${hostConfigLimits.trialMs / 60_000} minutes`
    const refused = { version: from.version, why }
    await put(
      { ...kept, current: to === undefined ? null : kept.previous, previous: null, onTrial: false, refused },
      to,
      { kind: 'rolled_back', from, to },
    )
    log.critical('the server was not heard since a configuration came: the one before is in force again', {
      version: from.version,
      previous: to?.version ?? 0,
    })
  }

  async function rollBackAsSoonAsThereIsRoom(from: HostConfigStatement, signal: AbortSignal): Promise<void> {
    try {
      await rollBack(from)
    } catch (error) {
      if (!isSealwatchError(error) || error.kind !== 'exhausted') throw error
      log.critical('the configuration before cannot be written down', { error })
      await clock.sleep(lookEveryMs, signal)
    }
  }

  const dueInMs = () => hostConfigLimits.trialMs - Number((clock.monotonicNs() - trialNs) / 1_000_000n)

  return {
    get current() {
      return current?.config
    },
    get envelope() {
      return kept.current
    },
    get report() {
      return {
        version: current?.version ?? 0,
        digest: current?.digest ?? '',
        onTrial: kept.onTrial,
        refusedVersion: kept.refused?.version ?? 0,
        refusedWhy: kept.refused?.why ?? unverified,
      }
    },
    changed: bell.wait,
    take,
    confirm: async (version) => {
      if (!kept.onTrial || current?.version !== version) return
      await put({ ...kept, previous: null, onTrial: false }, current)
      log.info('the server has heard of the configuration: it stays', { version })
    },
    run: async (signal) => {
      while (!signal.aborted) {
        const tried = kept.onTrial ? current : undefined
        if (tried === undefined) await bell.wait(signal)
        else if (dueInMs() > 0) await clock.sleep(Math.min(dueInMs(), lookEveryMs), signal)
        else await rollBackAsSoonAsThereIsRoom(tried, signal)
      }
    },
  }
}

const lookEveryMs = 1_000

async function readKept(path: string, log: Log): Promise<Kept> {
  try {
    const text = await readFile(path, 'utf8')
    if (text.length > bytesMax) throw new RangeError(`${text.length} characters`)
    const { v, current, previous, onTrial, highest, refused } = JSON.parse(text) as Kept & { readonly v: unknown }
    const isText = (value: unknown) => value === null || typeof value === 'string'
    const isFormed = v === 1 && isText(current) && isText(previous) && Number.isSafeInteger(highest) && highest >= 0
    if (!isFormed) throw new TypeError('another form')
    const isRefused = typeof refused?.why === 'string' && Number.isSafeInteger(refused.version)
    return { current, previous, onTrial: onTrial === true, highest, refused: isRefused ? refused : null }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      log.critical('what the server told this host cannot be read, and counts for nothing until it tells it again', {
        path,
        error,
      })
    return nothing
  }
}
