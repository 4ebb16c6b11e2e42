// SPDX-License-Identifier: Apache-2.0

/**
 * `suspended`: nothing comes in, and cluster admins alone act. `erasing`: what is there is being destroyed. `erased`: the
 * name is left, so that nobody else ever gets it.
 */
export type TenantState = 'active' | 'suspended' | 'erasing' | 'erased'

export type Tenant = {
  /** As it stands in lines, labels and paths; it never changes. */
  readonly name: string
  /** For people; may change. */
  readonly title: string
  readonly state: TenantState
  /** RFC 3339; of a tenant from before there was a register: when it was entered. */
  readonly createdAt: string
  /** What its hosts may ship each second together; null: as the server's settings say. */
  readonly linesPerSecond: number | null
  /** RFC 3339; null: it is not. */
  readonly erasingAt: string | null
}

/** The tenant of whoever names none, and that of what concerns the deployment as a whole. */
export const standingTenants: readonly string[] = ['default', 'cluster']
/** Of a quota. */
export const linesPerSecondLimits = { min: 100, max: 10_000_000 } as const
/** Those that are not erased; and those that ever were. */
export const tenantsMax = { living: 10_000, ever: 100_000 } as const
