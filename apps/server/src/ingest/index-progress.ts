// SPDX-License-Identifier: Apache-2.0

import { createBell } from '@sealwatch/base'

/** How far the index covers each ledger, for whoever must not run ahead of it. */
export type IndexProgress = {
  advance(tenant: string, position: number): void
  /** Resolves when the index covers the leaves before `leaf`, or when the signal fires. */
  waitFor(tenant: string, leaf: number, signal?: AbortSignal): Promise<void>
  forget(tenant: string): void
}

export function createIndexProgress(): IndexProgress {
  const forever = new AbortController().signal
  const byTenant = new Map<string, { position: number; readonly bell: ReturnType<typeof createBell> }>()

  function of(tenant: string) {
    const known = byTenant.get(tenant)
    if (known !== undefined) return known
    const begun = { position: 0, bell: createBell() }
    byTenant.set(tenant, begun)
    return begun
  }

  return {
    advance: (tenant, position) => {
      const progress = of(tenant)
      progress.position = position
      progress.bell.ring()
    },
    waitFor: async (tenant, leaf, signal = forever) => {
      const progress = of(tenant)
      while (!signal.aborted && progress.position < leaf) await progress.bell.wait(signal)
    },
    forget: (tenant) => void byTenant.delete(tenant),
  }
}
