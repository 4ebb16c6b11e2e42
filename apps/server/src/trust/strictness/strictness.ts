// SPDX-License-Identifier: Apache-2.0

import { deadline, isSealwatchError, type Log, parseRfc3339, rfc3339, type SealwatchError } from '@sealwatch/base'
import { strictOffPhrase, strictOffSeconds } from '@sealwatch/contract'
import { manifestCrypto as crypto, digestOfChange } from '@sealwatch/keys'
import { type Authorised, actBy } from '../../access/index.ts'
import {
  type Act,
  type ActBy,
  type Follows,
  type Reader,
  type Recorded,
  type RecordOptions,
  recordAct,
} from '../../identity/index.ts'
import type { Tx } from '../../store/index.ts'
import type { Approval, Manifests } from '../manifests/index.ts'
import type { Vouching } from '../vouching/index.ts'
import { type Configured, openConfigured } from './configured.ts'
import { strictError } from './errors.ts'
import { type StrictSwitch, soloSeconds, toldWithinNs } from './solo-time.ts'
import { byConfiguration, markSeen, putRow, rowIn, rowsIn, type StrictRow, waitingIn } from './strict-rows.ts'

/** How a tenant stands. Of what is switched off: since when, by whom, until when. */
export type StrictState =
  | { readonly strict: true }
  | {
      readonly strict: false
      readonly since: string
      readonly by: string
      readonly endsAt: string
      readonly manifest: string | null
      /** What was admitted unverified since then stands behind it. */
      readonly fromLeaf: number
    }

/**
 * Whether what fails verification is kept out of a tenant's ledger. That it is not counts once its line is in that ledger;
 * that it is again counts at once, and when the time is over, by whichever clock.
 */
export type Strictness = {
  isStrict(tenant: string): boolean
  of(tenant: string): StrictState
  /** Tenants that are not. */
  off(): readonly (StrictState & { readonly strict: false; readonly tenant: string })[]
  /**
   * For so many seconds, in memory and on the disk. Throws STRICT_ACKNOWLEDGEMENT; STRICT_OFF_SPENT, and for longer than 24
   * hours at once whatever `requireManifest` throws. Refusals are lines of the ledger, too.
   */
  switchOff(
    by: Authorised<'strict:switch'>,
    given: { readonly seconds: number; readonly acknowledgement: string },
  ): Promise<Recorded>
  switchOn(by: Authorised<'strict:switch'>): Promise<Recorded>
  /** Ends what is over, and says so. */
  run(signal: AbortSignal): Promise<void>
  forgetTenant(tenant: string): void
}

export type StrictnessOptions = RecordOptions & {
  readonly manifests: Pick<Manifests, 'requireManifest'>
  /** Of STRICT_SIGNATURES=false; undefined: the server is configured to be strict. */
  readonly acknowledgement: string | undefined
  readonly tenants: () => readonly string[]
  readonly sizeOf: (tenant: string) => number
  /** Lines of a tenant's ledger that switch them, from about `since` (RFC 3339) on, in their order. */
  readonly switchesSince: (tenant: string, since: string) => Promise<readonly StrictSwitch[]>
  /** Of rows that say "off", those that count for nothing. Left out: all are as they should be. */
  readonly vouching?: Pick<Vouching, 'strict'>
  readonly log: Log
} & Pick<Vouching, 'acknowledged'>

type Held = { readonly row: StrictRow; readonly hasPassed: () => boolean; readonly latest: () => bigint }

/** What stands behind it; nothing: one person alone. */
type Agreed = Pick<Partial<Approval>, 'consume'> & { readonly details?: { readonly manifest?: unknown } }

/** Nobody refused: it could not be done. */
const beyondUs: readonly string[] = ['unavailable', 'exhausted', 'fatal']
const everyMs = 1_000
/** After a crash, and with a clock that was set back meanwhile, it lasts longer by so much at most. */
const seenEveryNs = 10_000_000_000n
/** Before a switch by configuration had an end, its row had none. */
const never = rfc3339(0n)
const itself: ActBy = { name: 'server:clock', requestId: 'end' }
const configured: ActBy = { name: byConfiguration, requestId: 'start' }

export async function openStrictness(options: StrictnessOptions): Promise<Strictness> {
  const { store, outbox, clock, manifests, tenants, sizeOf, switchesSince, log, acknowledgement } = options
  const configuration: Configured | undefined =
    acknowledgement === undefined ? undefined : await openConfigured(options, acknowledgement)
  /** Tenants that are off, as far as their line is in the ledger. */
  const held = new Map<string, Held>()
  /** How often strictness was given back: what was to be taken from it before is void. */
  const returns = new Map<string, number>()
  /** Whose row stands, whatever it says: they do not follow the configuration. */
  const known = new Set<string>()
  await open()

  async function open(): Promise<void> {
    const waiting = await waitingIn(store)
    const rows = await rowsIn(store)
    const unvouched = new Set(await options.vouching?.strict(rows.filter(({ state }) => state === 'off')))
    const withheld = new Set(waiting.values())
    for (const row of rows) {
      if (unvouched.has(row.tenant)) {
        known.add(row.tenant)
        continue
      }
      const isOutdated = row.switched_by === byConfiguration && row.ends_at !== configuration?.endsAt
      if (!isOutdated) known.add(row.tenant)
      if (row.state === 'off' && !isOutdated && !withheld.has(row.tenant)) hold(row)
    }
    for (const [uid, tenant] of waiting) {
      if (unvouched.has(tenant)) continue
      const standing = outbox.committed(uid).then(() => store.between(follow(tenant).given))
      // A stop ends the waiting.
      standing.catch(() => undefined)
    }
  }

  function hold(row: StrictRow): void {
    const { tenant, since, seen_at, ends_at, switched_by } = row
    const startNs = [since, seen_at].map((time) => parseRfc3339(time) ?? 0n).reduce((a, b) => (a > b ? a : b))
    const fromNs = startNs > clock.nowNs() ? startNs : clock.nowNs()
    const steadyNs = clock.monotonicNs()
    const latest = () => {
      const [nowNs, atNs] = [clock.nowNs(), fromNs + clock.monotonicNs() - steadyNs]
      return nowNs > atNs ? nowNs : atNs
    }
    const hasPassed =
      switched_by === byConfiguration && configuration !== undefined
        ? configuration.hasPassed
        : deadline(clock, ends_at ?? never, [since, seen_at])
    held.set(tenant, { row, hasPassed, latest })
    known.add(tenant)
  }

  /** What was asked for counts, unless strictness was given back meanwhile. */
  function follow(tenant: string): Required<Pick<Follows, 'begun' | 'given'>> {
    let seen = returns.get(tenant)
    return {
      begun: () => {
        seen = returns.get(tenant)
      },
      given: async (db: Reader) => {
        const row = await rowIn(db, tenant)
        if (returns.get(tenant) === seen && row?.state === 'off') hold(row)
      },
    }
  }

  const giveBack = (tenant: string): Follows => ({
    taken: () => {
      held.delete(tenant)
      known.add(tenant)
      returns.set(tenant, (returns.get(tenant) ?? 0) + 1)
    },
  })

  function act(
    tenant: string,
    by: ActBy,
    matter: Pick<Act, 'code' | 'verb' | 'severity' | 'message'> & { readonly details?: Act['details'] },
    change: (tx: Tx, timeNs: bigint) => Promise<void>,
    follows: Follows = {},
  ): Promise<Recorded> {
    const entity = { type: 'Strict Signatures', uid: tenant }
    return recordAct(options, { details: {}, ...matter, component: 'trust', tenant, by, entity }, change, follows)
  }

  function recordOff(
    tenant: string,
    by: ActBy,
    window: Pick<StrictRow, 'since'> & { readonly ends_at: string },
    { consume, details }: Agreed = {},
  ): Promise<Recorded> {
    const { since, ends_at } = window
    const from_leaf = unbroken(tenant)?.from_leaf ?? sizeOf(tenant)
    const message = `signatures are not enforced for the tenant ${tenant} until ${ends_at}: what fails verification is admitted, and marked`
    return act(
      tenant,
      by,
      { code: 'strict_off', verb: 'disable', severity: 'high', message, details: { ...details, expires_at: ends_at } },
      async (tx, timeNs) => {
        await consume?.(tx, timeNs, by)
        const manifest = (details?.manifest as string | undefined) ?? null
        const rest = { since, switched_by: by.name, seen_at: rfc3339(timeNs), from_leaf, manifest }
        await putRow(tx, { tenant, state: 'off', ends_at, ...rest })
      },
      follow(tenant),
    )
  }

  function recordOn(
    tenant: string,
    by: ActBy,
    matter: Pick<Act, 'code' | 'verb' | 'severity' | 'message'>,
  ): Promise<Recorded> {
    return act(
      tenant,
      by,
      matter,
      async (tx, timeNs) => {
        const since = rfc3339(timeNs)
        const rest = { since, switched_by: by.name, seen_at: since, from_leaf: sizeOf(tenant), manifest: null }
        await putRow(tx, { tenant, state: 'on', ends_at: null, ...rest })
      },
      giveBack(tenant),
    )
  }

  /** Somebody may have switched it off anew meanwhile: that stays. */
  function recordEnd({ tenant, since, ends_at }: StrictRow): Promise<Recorded> {
    return act(
      tenant,
      itself,
      {
        code: 'strict_ended',
        verb: 'enable',
        severity: 'medium',
        message: `signatures are enforced again for the tenant ${tenant}: the time is over for which they were not`,
      },
      async (tx) => {
        await tx
          .updateTable('strict_modes')
          .set({ state: 'on' })
          .where('tenant', '=', tenant)
          .where('since', '=', since)
          .where('ends_at', '=', ends_at ?? never)
          .execute()
      },
      {
        taken: () => {
          const now = held.get(tenant)?.row
          if (now?.since === since && now.ends_at === ends_at) held.delete(tenant)
        },
      },
    )
  }

  async function refuse(tenant: string, by: ActBy, { code }: SealwatchError): Promise<void> {
    await act(
      tenant,
      by,
      {
        code: 'strict_off_refused',
        verb: 'deny',
        severity: 'medium',
        message: `switching strict signatures off was refused for the tenant ${tenant}: ${code}`,
        details: { denied_action: 'strict:switch', denied_code: code },
      },
      async () => undefined,
    )
  }

  /** Where it is off already, it is off since then, however often somebody says so anew. */
  function unbroken(tenant: string): StrictRow | undefined {
    const found = held.get(tenant)
    return found === undefined || found.hasPassed() ? undefined : found.row
  }

  /** For longer than one person may say so alone, with the time that nobody else agreed to either. */
  async function approvalFor(tenant: string, seconds: number, ends_at: string, attempted: string): Promise<Agreed> {
    const now = unbroken(tenant)
    // Less than was agreed to is nobody's to agree to.
    if (ends_at <= (now?.ends_at ?? '')) return now?.manifest ? { details: { manifest: now.manifest } } : {}
    const nowNs = clock.nowNs()
    const spent = soloSeconds(await switchesSince(tenant, rfc3339(nowNs - toldWithinNs)), nowNs)
    const left = strictOffSeconds.soloMax - spent
    if (seconds <= left) return {}
    const digest = digestOfChange({ action: 'strict-off', tenant, for_seconds: seconds }, crypto)
    try {
      return await manifests.requireManifest({ action: 'strict-off', digest }, attempted)
    } catch (cause) {
      if (seconds > strictOffSeconds.soloMax || !isSealwatchError(cause)) throw cause
      const received = `${toldMinutes(spent)} of the last 7 days, and ${toldMinutes(seconds)} more`
      const hours = Math.ceil(seconds / 3600)
      const minutes = Math.floor(left / 60)
      const less = minutes < 1 ? 'Have' : `Say --for ${minutes}m at most, or have`
      const advice = `${less} enough people sign for it: \`sealwatch manifest create strict-off --tenant ${tenant} --hours ${hours}\``
      throw strictError('STRICT_OFF_SPENT', { attempted, received, advice, cause })
    }
  }

  /** What the configuration says of tenants that nobody switched. */
  async function configure(): Promise<void> {
    if (configuration === undefined || !configuration.isGiven() || configuration.hasPassed()) return
    const ends_at = configuration.endsAt
    for (const tenant of tenants()) {
      if (known.has(tenant)) continue
      known.add(tenant)
      log.critical('signatures are not enforced, as STRICT_SIGNATURES=false', { tenant, until: ends_at })
      await recordOff(tenant, configured, { since: rfc3339(clock.nowNs()), ends_at })
    }
  }

  /** What an earlier configuration said and this one does not counts no more since `open`. */
  async function closeOutdated(): Promise<void> {
    for (const { tenant, state, switched_by, ends_at } of await rowsIn(store))
      if (
        state === 'off' &&
        switched_by === byConfiguration &&
        ends_at !== configuration?.endsAt &&
        tenants().includes(tenant)
      )
        await recordOn(tenant, configured, {
          code: 'strict_on',
          verb: 'enable',
          severity: 'medium',
          message: `signatures are enforced again for the tenant ${tenant}, as the server is configured`,
        })
  }

  async function endOver(): Promise<void> {
    for (const [tenant, { row, hasPassed, latest }] of held) {
      if (!hasPassed()) {
        const seenNs = parseRfc3339(row.seen_at) ?? 0n
        if (latest() - seenNs < seenEveryNs) continue
        const seen_at = rfc3339(latest())
        await markSeen(store, tenant, seen_at)
        if (row.switched_by === byConfiguration) await configuration?.see(latest())
        const now = held.get(tenant)
        if (now?.row === row) held.set(tenant, { ...now, row: { ...row, seen_at } })
        continue
      }
      log.warn('the time without strict signatures is over', { tenant, since: row.since })
      await recordEnd(row)
    }
  }

  function of(tenant: string): StrictState {
    const found = held.get(tenant)
    if (found === undefined || found.hasPassed()) return { strict: true }
    const { since, switched_by: by, ends_at: endsAt, manifest, from_leaf: fromLeaf } = found.row
    return { strict: false, since, by, endsAt: endsAt ?? never, manifest, fromLeaf }
  }

  return {
    isStrict: (tenant) => of(tenant).strict,
    of,
    off: () => {
      const states = Array.from(held.keys(), (tenant) => ({ tenant, ...of(tenant) }))
      return states.filter((state): state is (typeof states)[number] & { strict: false } => !state.strict)
    },
    switchOff: async (given, { seconds, acknowledgement }) => {
      const { tenant } = given
      const by = actBy(given)
      const attempted = `switching strict signatures off for ${seconds} s in the tenant ${tenant}`
      try {
        if (acknowledgement !== strictOffPhrase)
          throw strictError('STRICT_ACKNOWLEDGEMENT', { attempted, received: 'other words' })
        const nowNs = clock.nowNs()
        const since = unbroken(tenant)?.since ?? rfc3339(nowNs)
        const window = { since, ends_at: rfc3339(nowNs + BigInt(seconds) * 1_000_000_000n) }
        const approval = await approvalFor(tenant, seconds, window.ends_at, attempted)
        return await recordOff(tenant, by, window, approval)
      } catch (error) {
        if (isSealwatchError(error) && !beyondUs.includes(error.kind)) await refuse(tenant, by, error)
        throw error
      }
    },
    switchOn: (by) =>
      recordOn(by.tenant, actBy(by), {
        code: 'strict_on',
        verb: 'enable',
        severity: 'medium',
        message: `signatures are enforced for the tenant ${by.tenant}`,
      }),
    run: async (signal) => {
      if (configuration?.hasPassed() === true)
        log.warn('STRICT_SIGNATURES=false ended as its acknowledgement did: signatures are enforced', {
          ended: configuration.endsAt,
        })
      await closeOutdated()
      while (!signal.aborted) {
        await configure()
        await endOver()
        await clock.sleep(everyMs, signal)
      }
    },
    forgetTenant: (tenant) => {
      held.delete(tenant)
      known.delete(tenant)
    },
  }
}

/** Rounded up, as what is left is rounded down: what does not fit must look so. */
function toldMinutes(seconds: number): string {
  const minutes = Math.ceil(seconds / 60)
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
