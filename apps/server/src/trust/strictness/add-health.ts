// SPDX-License-Identifier: Apache-2.0

import type { Health } from '@sealwatch/base/health'
import type { Strictness } from './strictness.ts'

/** That rows are admitted which nobody has verified is told wherever somebody looks. */
export function addStrictHealth({ show }: Pick<Health, 'show'>, { off }: Pick<Strictness, 'off'>): void {
  show('strict_signatures', () => {
    const tenants = off().map(({ tenant, since, endsAt }) => ({ tenant, since, ends_at: endsAt }))
    return tenants.length === 0
      ? { level: 'ok', state: 'strict', tenants }
      : { level: 'warning', state: 'degraded', tenants }
  })
}
