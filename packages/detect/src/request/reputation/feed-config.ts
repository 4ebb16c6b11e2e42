// SPDX-License-Identifier: Apache-2.0

import { z } from 'zod'
import { reputationError } from './errors.ts'
import { type FeedFormatName, feedFormats } from './feed-formats.ts'
import { reputationLimits } from './limits.ts'
import { newHeap } from './prefix-rows.ts'
import { addEntry } from './prefix-text.ts'

const { feedsMax, exceptMax, ttlSecondsMax, refreshSecondsMin } = reputationLimits
const day = 86_400
const faultsTold = 20
const seconds = (min: number) => z.int().min(min).max(ttlSecondsMax)
const word = z
  .string()
  .regex(/^[a-z0-9]+(?:[-_][a-z0-9]+)*$/, 'must be lower-case words with - between')
  .max(64)
const path = z.string().startsWith('/').max(4_096)

/** Nobody else's feed knows who is behind these: loopback, private and link-local networks, and those of carriers. */
export const localPrefixes: readonly string[] = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '::1',
  'fc00::/7',
  'fe80::/10',
]

const feed = z.strictObject({
  name: word,
  format: z.enum(Object.keys(feedFormats) as [FeedFormatName, ...FeedFormatName[]]),
  source: z.union([
    z.strictObject({ file: path }),
    z.strictObject({
      url: z.url({ protocol: /^https?$/ }).max(2_048),
      /** A header whose value is in a file: the key of whoever is asked. */
      secret: z.strictObject({ header: z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/), file: path }).optional(),
    }),
  ]),
  /** How much it counts that this feed names an address, from 0 to 1. */
  weight: z.number().gt(0).max(1),
  /** What being named here means: `botnet`, `scanner`, `hijacked`. */
  category: word,
  /** So long its last word holds; of entries with an end of their own it is theirs that counts. */
  ttlSeconds: seconds(60).default(7 * day),
  refreshSeconds: seconds(refreshSecondsMin).default(day),
})

const form = z
  .strictObject({
    feeds: z.array(feed).max(feedsMax),
    /** Of these addresses nothing is said. */
    except: z
      .array(z.string().max(100))
      .max(exceptMax)
      .default([...localPrefixes]),
  })
  .superRefine(({ feeds, except }, context) => {
    const problem = (at: (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path: at, message })
    const names = new Set<string>()
    for (const [at, { name, ttlSeconds, refreshSeconds }] of feeds.entries()) {
      if (names.has(name)) problem(['feeds', at, 'name'], 'must be a name of its own')
      names.add(name)
      if (ttlSeconds < refreshSeconds)
        problem(['feeds', at, 'ttlSeconds'], 'must not be shorter than refreshSeconds: nothing would hold in between')
    }
    for (const [at, text] of except.entries()) {
      const rule = addEntry(text, 0, text.length, { 4: newHeap(4), 6: newHeap(6) }, { until: 0, share: 100 })
      if (rule !== undefined) problem(['except', at], `must be ${rule}`)
    }
  })

export type ReputationConfig = z.output<typeof form>
export type FeedConfig = ReputationConfig['feeds'][number]

/** Of what JSON.parse gave. Throws REPUTATION_CONFIG, which tells of all faults together. */
export function readReputationConfig(value: unknown, attempted: string): ReputationConfig {
  const read = form.safeParse(value)
  if (read.success) return read.data
  const faults = read.error.issues.map(({ path: at, message }) => `/${at.join('/')}: ${message}`)
  const advice = `Correct ${faults.slice(0, faultsTold).join('; ')}`
  throw reputationError('REPUTATION_CONFIG', { attempted, received: `${faults.length} faults`, advice })
}
