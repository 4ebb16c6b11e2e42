// SPDX-License-Identifier: Apache-2.0
// The standing order that the hands follow (docs/formats/orders.md, 2): kept as it was signed, verified anew at each start.

import { readFileSync, statSync } from 'node:fs'
import { type Clock, type Disk, isSealwatchError, type Log } from '@sealwatch/base'
import { isInTime, type OpenedOrder, openStandingOrder, orderError } from '@sealwatch/keys'
import { handsError } from './errors.ts'

export type Standing = {
  /** That counts now. Throws ORDER_MISSING, ORDER_EXPIRED, ORDER_NOT_YET. */
  now(): OpenedOrder
  /** What is held, whether it counts now or not. */
  readonly held: OpenedOrder | undefined
  /** On disk when it resolves. Throws what openStandingOrder throws, ORDER_REPLAYED, AUTHORITY_UNREADABLE, or the disk's error. */
  take(envelope: string): Promise<void>
}

export type StandingOptions = {
  readonly path: string
  /** Root's: `caFingerprint` or `caPin`. */
  readonly authorityFile: string
  readonly disk: Disk
  readonly clock: Clock
  readonly log: Log
}

/** The file. `host`: of the first order that was ever taken; `highest`: of all versions. */
type Kept = { readonly v: 1; readonly host: string; readonly highest: number; readonly envelope: string }

export async function openStanding({ path, authorityFile, disk, clock, log }: StandingOptions): Promise<Standing> {
  let kept = await readKept()
  let held = kept && reopened(kept)

  async function readKept(): Promise<Kept | undefined> {
    const bytes = await disk.read(path)
    if (bytes === undefined) return undefined
    try {
      const { v, host, highest, envelope } = JSON.parse(Buffer.from(bytes).toString('utf8')) as Partial<Kept>
      if (v === 1 && typeof host === 'string' && Number.isSafeInteger(highest) && typeof envelope === 'string')
        return { v, host, highest: highest as number, envelope }
      throw new TypeError('another form')
    } catch (error) {
      log.critical('the standing order on disk cannot be read, and counts for nothing', { path, error })
      return undefined
    }
  }

  function open(envelope: string, host: string | undefined): OpenedOrder {
    return openStandingOrder(envelope, { pin: authorityPin(authorityFile), host, nowMs: clock.nowMs() })
  }

  function reopened({ envelope, host }: Kept): OpenedOrder | undefined {
    try {
      return open(envelope, host)
    } catch (error) {
      if (!isSealwatchError(error)) throw error
      log.critical('the standing order on disk does not count', { path, error })
      return undefined
    }
  }

  return {
    get held() {
      return held
    },
    now: () => {
      const attempted = 'following the standing order'
      if (held === undefined) throw orderError('ORDER_MISSING', { attempted })
      const time = isInTime(held, clock.nowMs())
      const { issued_at, expires_at } = held.order
      if (time === 'ended') throw orderError('ORDER_EXPIRED', { attempted, received: expires_at })
      if (time === 'ahead') throw orderError('ORDER_NOT_YET', { attempted, received: issued_at })
      return held
    },
    take: async (envelope) => {
      const next = open(envelope, kept?.host)
      const { host, version, steps, expires_at } = next.order
      const highest = kept?.highest ?? 0
      if (version < highest)
        throw orderError('ORDER_REPLAYED', {
          attempted: 'taking a standing order',
          received: `${version} after ${highest}`,
        })
      const keeping = { v: 1, host, highest: version, envelope } as const
      await disk.replace(path, `${JSON.stringify(keeping)}\n`, 0o600)
      kept = keeping
      held = next
      log.info('a standing order is taken', { version, steps, expires_at })
    },
  }
}

const fileBytesMax = 16 * 1024

/** Read each time: a machine may join its server after the hands have started. Throws AUTHORITY_UNREADABLE. */
function authorityPin(path: string): string {
  try {
    const { uid, mode, size } = statSync(path)
    if (uid !== 0 || (mode & 0o022) !== 0)
      throw new Error(`others than root may write it: ${(mode & 0o777).toString(8)} ${uid}`)
    if (size > fileBytesMax) throw new Error(`it has ${size} bytes`)
    const { caPin, caFingerprint } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
    const pin = caPin ?? caFingerprint
    if (typeof pin !== 'string') throw new Error('it pins no CA')
    return pin
  } catch (cause) {
    const attempted = `reading which CA is to be believed, ${path}`
    throw handsError('AUTHORITY_UNREADABLE', { attempted, received: (cause as Error).message, cause })
  }
}
