// SPDX-License-Identifier: Apache-2.0

import { type Clock, type Disk, errorsOf, isSealwatchError, messageOf } from '@sealwatch/base'
import { createOutgoing, type Outgoing, safeUrl } from '@sealwatch/base/outgoing'
import { type FeedConfig, reputationErrors, reputationLimits } from '@sealwatch/detect/reputation'
import type { CopyNote } from './copies.ts'
import { feedError } from './errors.ts'

/** `same`: what was read last still holds. */
export type Answer =
  | 'same'
  | { readonly bytes: Uint8Array; readonly etag?: string | undefined; readonly lastModified?: string | undefined }
/** Throws FEED_UNAVAILABLE; with `waitMs` where the source says when to come again. */
export type Source = (known: CopyNote | undefined, signal: AbortSignal) => Promise<Answer>

const timeoutMs = 60_000
const secretBytesMax = 4_096
const markCharsMax = 512
const retryAfterMsMax = 86_400_000

export function createSource(feed: FeedConfig, disk: Pick<Disk, 'sizeOf' | 'readAt'>, clock: Clock): Source {
  const { name, source } = feed
  const attempted = `asking for the feed ${name}`
  const unavailable = (received: string, more: { cause?: unknown; waitMs?: number } = {}) =>
    feedError('FEED_UNAVAILABLE', { attempted, received, ...more })

  async function readWhole(path: string, bytesMax: number): Promise<Uint8Array> {
    try {
      const bytes = await disk.readAt(path, 0, bytesMax + 1)
      if (bytes === undefined) throw unavailable(`no file ${path}`)
      if (bytes.length > bytesMax) throw unavailable(`${path}, of more than ${bytesMax} bytes`)
      return bytes
    } catch (cause) {
      // A disk that fails here fails a feed, and not the server: nothing of its own was written.
      if (isSealwatchError(cause, 'FEED_UNAVAILABLE')) throw cause
      throw unavailable(`${path}: ${messageOf(cause)}`, { cause })
    }
  }
  if ('file' in source) return async () => ({ bytes: await readWhole(source.file, reputationLimits.feedBytesMax) })

  const { url, secret } = source
  const place = safeUrl(url)
  if (place === undefined)
    throw errorsOf(reputationErrors)('REPUTATION_CONFIG', {
      attempted: 'reading the configuration of feeds',
      received: url,
      advice: `Name a URL of https for the feed ${name}, without a user and a password in it`,
    })
  const call = createOutgoing({
    what: `the feed ${name}`,
    origins: new Set([place.origin]),
    timeoutMs,
    answerBytesMax: reputationLimits.feedBytesMax,
    clock,
  })
  const secretHeader = async () =>
    secret === undefined
      ? {}
      : {
          [secret.header]: Buffer.from(await readWhole(secret.file, secretBytesMax))
            .toString('utf8')
            .trim(),
        }

  return async (known, signal) => {
    const headers = {
      ...(known?.etag === undefined ? {} : { 'if-none-match': known.etag }),
      ...(known?.lastModified === undefined ? {} : { 'if-modified-since': known.lastModified }),
      ...(await secretHeader()),
    }
    const response = await call(url, { headers, signal }).catch((cause: unknown) => {
      throw unavailable(messageOf(cause), { cause })
    })
    if (response.status === 304 && known !== undefined) return 'same'
    if (response.status !== 200) throw unavailable(`the status ${response.status}`, waitOf(response))
    return { bytes: await response.bytes(), ...marksOf(response) }
  }
}

const marksOf = ({ headers }: Response) => {
  const [etag, lastModified] = [headers.get('etag'), headers.get('last-modified')]
  return {
    ...(etag !== null && etag.length <= markCharsMax && { etag }),
    ...(lastModified !== null && lastModified.length <= markCharsMax && { lastModified }),
  }
}

/** RFC 9110, 10.2.3, where it is a number of seconds. */
function waitOf({ headers }: Awaited<ReturnType<Outgoing>>): { waitMs?: number } {
  const seconds = headers.get('retry-after') ?? ''
  return /^\d{1,9}$/.test(seconds) ? { waitMs: Math.min(retryAfterMsMax, 1_000 * Number(seconds)) } : {}
}
