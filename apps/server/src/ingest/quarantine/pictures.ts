// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'
import { type Reason, reasons } from '../../trust/index.ts'
import { type ItemRows, namesOf, type QuarantineFilter } from './item-rows.ts'
import { createTally, type Picture } from './tally.ts'

export type PictureFilter = Omit<QuarantineFilter, 'state'>

/** Items that are read at once: what else waits for the database waits so long. */
const pieceItems = 2_000
/** Whoever looks takes a twentieth of a processor, and no more: an answer stands for so many times what it took. */
const restTimes = 20
const restMsMax = 120_000
const keptMax = 64

type Kept = { readonly picture: Promise<Picture>; untilMs: number }

/** What waits, in numbers: read piece by piece, one picture at a time, and kept for all who ask meanwhile. */
export function createPictures({ glanceAt }: Pick<ItemRows, 'glanceAt'>, clock: Clock) {
  const kept = new Map<string, Kept>()
  let turn: Promise<unknown> = Promise.resolve()

  async function taken(tenant: string, filter: PictureFilter): Promise<Picture> {
    const tally = createTally()
    const { reason, keyId, since, until } = filter
    const names = filter.producer === undefined ? undefined : namesOf(filter.producer)
    for (const one of reason === undefined ? reasons : [reason as Reason]) {
      for (let after = -1; ; ) {
        const piece = await glanceAt(tenant, one, after, pieceItems)
        for (const { host_id: producer, signing_key_id: key, quarantined_at: at, first_seq, next_seq } of piece) {
          const isAsked =
            (names === undefined || names.includes(producer)) &&
            (keyId === undefined || keyId === key) &&
            (since === undefined || at >= since) &&
            (until === undefined || at < until)
          if (isAsked) tally.add({ reason: one, producer, key, atMs: Date.parse(at), rows: next_seq - first_seq })
        }
        if (piece.length < pieceItems) break
        after = piece.at(-1)?.leaf ?? Number.MAX_SAFE_INTEGER
        await clock.sleep(0)
      }
    }
    return tally.picture()
  }

  return (tenant: string, filter: PictureFilter): Promise<Picture> => {
    const name = JSON.stringify([tenant, filter.reason, filter.keyId, filter.producer, filter.since, filter.until])
    const nowMs = clock.nowMs()
    for (const [other, { untilMs }] of kept) if (untilMs <= nowMs) kept.delete(other)
    const known = kept.get(name)
    if (known !== undefined) return known.picture
    const picture = turn.then(async () => {
      const beganMs = clock.nowMs()
      const told = await taken(tenant, filter)
      entry.untilMs = clock.nowMs() + Math.min(restMsMax, (clock.nowMs() - beganMs) * restTimes)
      return told
    })
    const entry: Kept = { picture, untilMs: Number.POSITIVE_INFINITY }
    turn = picture.catch(() => kept.delete(name))
    for (const oldest of kept.keys()) {
      if (kept.size < keptMax) break
      kept.delete(oldest)
    }
    kept.set(name, entry)
    return picture
  }
}
