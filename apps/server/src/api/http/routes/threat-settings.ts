// SPDX-License-Identifier: Apache-2.0

import { z } from 'zod'
import { type RequestSettings, type SettingsRecord, settingsLimits } from '../../../detect/index.ts'
import { type Route, route } from '../route.ts'
import { recorded, recordedJson, time } from '../shapes.ts'

const path = '/api/v1/security/threats/settings'
const tag = 'security'
const mode = z
  .enum(['observe', 'block'])
  .describe('observe: nothing is blocked, and each verdict says what would have been')
const score = z.number().int().min(1).max(100)

const settings = z.object({
  mode,
  thresholds: z.object({ observe: score, challenge: score, block: score }).describe('From which score on, of 100'),
  version: z.number().int().describe('0: nobody has set any'),
  reason: z.string().nullable(),
  changed_at: time.nullable(),
  changed_by: z.string().nullable().describe('`kind:id`, as in the ledger'),
})
const settingsJson = ({ changedAt, changedBy, ...same }: SettingsRecord) => ({
  ...same,
  changed_at: changedAt,
  changed_by: changedBy,
})

export const threatSettingsRoutes = (requests: RequestSettings): Route[] => [
  route({
    method: 'GET',
    path,
    id: 'getThreatSettings',
    summary: 'What becomes of a request by its score, and what did before',
    tag,
    action: 'threat:read',
    answer: settings.extend({ earlier: z.array(settings).describe('Newest first') }),
    handle: async (by) => {
      const { now, earlier } = await requests.read(by)
      return { ...settingsJson(now), earlier: earlier.map(settingsJson) }
    },
  }),
  route({
    method: 'PUT',
    path,
    id: 'setThreatSettings',
    summary: 'Change what becomes of a request by its score; what is left out stays',
    tag,
    action: 'threat:tune',
    body: z.strictObject({
      mode: mode.optional(),
      thresholds: z
        .strictObject({ observe: score.optional(), challenge: score.optional(), block: score.optional() })
        .default({}),
      reason: z.string().min(1).max(settingsLimits.reasonCharsMax).describe('For the ledger; name nobody'),
    }),
    answer: z.object({ settings, ledger: recorded }),
    errors: ['REQUEST_THRESHOLDS', 'REQUEST_SETTINGS_CHANGED', 'AUDIT_NOT_RECORDED'],
    handle: async (by, { body }) => {
      const made = await requests.set(by, body)
      return { settings: settingsJson(made.settings), ledger: recordedJson(made.recorded) }
    },
  }),
]
