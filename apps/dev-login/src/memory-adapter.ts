// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'
import type { Adapter, AdapterPayload } from 'oidc-provider'

/** Things that are remembered; the oldest are forgotten first. A log-in takes five, for a minute. */
const rowsMax = 2_000

/** Nothing is kept on disk: whoever is in the midst of a log-in when the provider stops begins anew. */
export function memoryAdapter(clock: Clock): (model: string) => Adapter {
  const rows = new Map<string, { payload: AdapterPayload; untilMs: number }>()

  function live(key: string): AdapterPayload | undefined {
    const row = rows.get(key)
    if (row === undefined || row.untilMs > clock.nowMs()) return row?.payload
    rows.delete(key)
    return undefined
  }
  const liveWhere = (model: string, is: (payload: AdapterPayload) => boolean) =>
    [...rows.keys()]
      .filter((key) => key.startsWith(`${model} `))
      .map(live)
      .find((payload) => payload !== undefined && is(payload))

  return (model) => ({
    upsert: async (id, payload, seconds) => {
      rows.delete(`${model} ${id}`)
      rows.set(`${model} ${id}`, { payload, untilMs: clock.nowMs() + (seconds ?? 60) * 1000 })
      for (const oldest of rows.keys()) {
        if (rows.size <= rowsMax) break
        rows.delete(oldest)
      }
    },
    find: async (id) => live(`${model} ${id}`),
    findByUid: async (uid) => liveWhere(model, (payload) => payload.uid === uid),
    findByUserCode: async (code) => liveWhere(model, (payload) => payload.userCode === code),
    destroy: async (id) => void rows.delete(`${model} ${id}`),
    consume: async (id) => {
      const payload = live(`${model} ${id}`)
      if (payload !== undefined) payload.consumed = Math.floor(clock.nowMs() / 1000)
    },
    revokeByGrantId: async (grantId) => {
      for (const [key, { payload }] of rows) if (payload.grantId === grantId) rows.delete(key)
    },
  })
}
