// SPDX-License-Identifier: Apache-2.0

import { type AddressWords, newAddressWords, readAddress } from '../address.ts'
import { hashText, mix, type Seed } from './hash.ts'
import { type BehaviourReason, confidenceOf, judgeTenant, judgeUser } from './judge.ts'
import { learn } from './learn.ts'
import { behaviourLimits } from './limits.ts'
import { type Name, newMembers } from './members.ts'
import { novelties } from './row.ts'
import { readSnapshot, writeSnapshot } from './snapshot.ts'

/** What is looked at of a request. What is not known is left out, and says nothing. */
export type BehaviourContext = {
  /** Without one, whoever is of none. */
  readonly tenant?: string | undefined
  readonly user?: string | undefined
  /** Of the client; with `asn` its network is that of the number, else its /24, or /48 of IPv6. */
  readonly address?: string | undefined
  readonly asn?: number | undefined
  /** The pattern of the path, `/orders/:id`, where there is one: each path by itself would be new. */
  readonly route?: string | undefined
  readonly agent?: string | undefined
}
export type BehaviourOutcome = { readonly failed: boolean }

export type BehaviourJudgement = {
  /** From 0, as ever, to 1. */
  readonly score: number
  /** From 0, nothing is known of this user, to 1. */
  readonly confidence: number
  /** Those that count most first. */
  readonly reasons: readonly BehaviourReason[]
}

export type Behaviour = {
  /**
   * How unusual a request is that comes at that time, nanoseconds of Unix time. Nothing is learned from the question: ask before
   * the request is observed, for then it is what is usual.
   */
  judge(context: BehaviourContext, timeNs: bigint): BehaviourJudgement
  observe(context: BehaviourContext, outcome: BehaviourOutcome, timeNs: bigint): void
  /** All that was learned of a tenant and its users. */
  forget(tenant: string): void
  readonly counts: {
    readonly users: number
    readonly tenants: number
    /** Requests with a time that is none. */
    readonly ignored: number
  }
  snapshot(): Uint8Array<ArrayBuffer>
  /** Takes what a snapshot holds in the place of all that was learned. Throws BEHAVIOUR_SNAPSHOT, and then nothing changed. */
  restore(snapshot: Uint8Array): void
}

export type BehaviourOptions = {
  /** From node:crypto's randomBytes; a snapshot brings its own. */
  readonly seed: Seed
  readonly usersMax?: number
  readonly tenantsMax?: number
}

const nothing: BehaviourJudgement = Object.freeze({ score: 0, confidence: 0, reasons: Object.freeze([]) })
/** The end of what 32 bits of minutes can say is far beyond; a time later than 2200 is a mistake. */
const timeMsMax = Date.UTC(2200, 0)

export function createBehaviour(options: BehaviourOptions): Behaviour {
  const { usersMax = behaviourLimits.usersDefault, tenantsMax = behaviourLimits.tenantsDefault } = options
  if (usersMax > behaviourLimits.usersMax || tenantsMax > behaviourLimits.tenantsMax || usersMax < tenantsMax)
    throw new RangeError(`${usersMax} users of ${tenantsMax} tenants`)
  let { seed } = options
  let members = newMembers(usersMax, tenantsMax)
  let ignored = 0
  const tenantName: Name = { low: 0, high: 0 }
  const userName: Name = { low: 0, high: 0 }
  const traits = new Uint32Array(novelties.length)
  const noTraits = new Uint32Array(novelties.length)
  const address = newAddressWords()

  function nameTenant(tenant = ''): void {
    tenantName.low = hashText(tenant, seed[0])
    tenantName.high = hashText(tenant, seed[1])
  }
  function nameUser(user: string): void {
    userName.low = hashText(user, mix(tenantName.low, seed[2]))
    userName.high = hashText(user, mix(tenantName.high, seed[3]))
  }
  function readTraits(context: BehaviourContext): void {
    traits[0] = networkHash(context, address, seed[2])
    traits[1] = context.agent === undefined ? 0 : hashText(context.agent, seed[2]) || 1
    traits[2] = context.route === undefined ? 0 : hashText(context.route, seed[3]) || 1
  }
  const timeMsOf = (timeNs: bigint) => {
    const timeMs = Number(timeNs) / 1e6
    return timeMs >= 0 && timeMs <= timeMsMax ? timeMs : undefined
  }

  return {
    judge(context, timeNs) {
      const timeMs = timeMsOf(timeNs)
      if (timeMs === undefined) return nothing
      nameTenant(context.tenant)
      const tenant = members.tenant(tenantName)
      if (tenant < 0) return nothing
      const reasons = judgeTenant(members.tenants, tenant, timeMs)
      let confidence = 0
      if (context.user !== undefined) {
        nameUser(context.user)
        const user = members.user(userName)
        if (user >= 0) {
          readTraits(context)
          confidence = confidenceOf(members.users, user)
          reasons.push(...judgeUser(members.users, user, traits, timeMs))
        }
      }
      if (reasons.length === 0) return confidence === 0 ? nothing : { ...nothing, confidence }
      const score = 1 - reasons.reduce((rest, reason) => rest * (1 - reason.score), 1)
      const first = reasons.sort((one, other) => other.score - one.score).slice(0, behaviourLimits.reasonsMax)
      return { score, confidence, reasons: first }
    },
    observe(context, { failed }, timeNs) {
      const timeMs = timeMsOf(timeNs)
      if (timeMs === undefined) {
        ignored += 1
        return
      }
      nameTenant(context.tenant)
      readTraits(context)
      const tenant = members.enterTenant(tenantName)
      // Of a tenant the different routes are counted, and nothing else is a trait.
      noTraits[2] = traits[2] as number
      learn(members.tenants, tenant, noTraits, failed, timeMs)
      if (context.user === undefined) return
      nameUser(context.user)
      learn(members.users, members.enterUser(userName, tenant), traits, failed, timeMs)
    },
    forget(tenant) {
      nameTenant(tenant)
      members.forget(tenantName)
    },
    get counts() {
      return { ...members.counts, ignored }
    },
    snapshot: () => writeSnapshot(members, seed),
    restore(snapshot) {
      const read = readSnapshot(snapshot, { users: usersMax, tenants: tenantsMax })
      members = read.members
      seed = read.seed
    },
  }
}

/** 0: not known. */
function networkHash({ asn, address }: BehaviourContext, words: AddressWords, seed: number): number {
  if (asn !== undefined) return mix(asn, seed) || 1
  const family = address === undefined ? 0 : readAddress(address, 0, address.length, words)
  if (family === 0) return 0
  if (family === 4) return mix((words[0] as number) >>> 8, ~seed) || 1
  return mix(mix(words[0] as number, (words[1] as number) >>> 16), ~seed) || 1
}
