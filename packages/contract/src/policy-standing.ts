// SPDX-License-Identifier: Apache-2.0
// How a host follows the policies that it has (docs/formats/policy.md, 8.5).

/** `kernel`: what it denies is refused. `told`: it is told alone. `none`: nothing comes of it there. */
export const policyMeans = ['kernel', 'told', 'none'] as const
export type PolicyMeans = (typeof policyMeans)[number]

/** Why one is not followed as it asks. `isFault`: a host should do better, which is alerted of. */
export const policyHindrances = {
  other_hosts: { words: 'it is for other hosts', isFault: false },
  not_here: { words: 'nothing here can refuse what it is about', isFault: false },
  strange: { words: 'it is of a form that its agent does not know', isFault: true },
  no_sensor: { words: 'its agent has no sensor', isFault: true },
  not_attached: { words: 'the programs that refuse are not attached', isFault: true },
  not_followed: { words: 'its sensor does not follow it yet', isFault: true },
  not_guarded: { words: 'not all of the files that it names are guarded', isFault: true },
  no_room: { words: 'the kernel has no room for it', isFault: true },
} as const satisfies Readonly<Record<string, { readonly words: string; readonly isFault: boolean }>>
export type PolicyHindrance = keyof typeof policyHindrances

export type PolicyStanding = {
  readonly policy: string
  readonly version: number
  readonly means: PolicyMeans
  /** A PolicyHindrance, or one of a newer agent; empty: it is followed as it asks. */
  readonly hindrance: string
}

/** Of one host; of more, those are told that are not followed as they ask. */
export const policyStandingsMax = 256

const known = (hindrance: string) =>
  Object.hasOwn(policyHindrances, hindrance) ? policyHindrances[hindrance as PolicyHindrance] : undefined

const meansWords = { kernel: 'enforced by the kernel', told: 'told alone', none: 'not followed' } as const

/** For people: how it is followed, and why not as it asks. */
export function standingWords({ means, hindrance }: PolicyStanding): string {
  return hindrance === '' ? meansWords[means] : `${meansWords[means]}: ${known(hindrance)?.words ?? hindrance}`
}

/** Whether it is to be followed there in a way in which it is not. */
export const isUnenforced = ({ hindrance }: PolicyStanding): boolean =>
  hindrance !== '' && known(hindrance)?.isFault !== false
