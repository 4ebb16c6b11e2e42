// SPDX-License-Identifier: Apache-2.0

import { z } from 'zod'
import { countedDaysMax, type RuleList, type RuleRecord } from '../../../detect/index.ts'
import { type Route, route } from '../route.ts'
import { pageOf, pageQuery, time } from '../shapes.ts'

const path = '/api/v1/rules'
const tag = 'rules'
const count = z.number().int().min(0)
const ruleId = z.string().min(1).max(256)
const days = z.coerce
  .number()
  .int()
  .min(1)
  .max(countedDaysMax)
  .default(7)
  .describe('Over so many days (UTC), this one included, it is counted')

const rule = z.object({
  rule_id: z.string(),
  title: z.string(),
  description: z.string().nullable(),
  severity: z.string(),
  tags: z.array(z.string()).describe('As the rule has them'),
  source: z.enum(['program', 'operator']).describe('With the program, or in a folder of the operator'),
  path: z.string().describe('Within its folder'),
  version: z.string().nullable(),
  sha256: z.string().describe('Of its file'),
  notices: z.array(z.string()).describe('Why it will not do what its author may expect'),
  fired: count.describe('Alerts'),
  excepted: count.describe('Matches of which exceptions made none'),
})
const withText = rule.extend({ text: z.string().describe('Its file') })

const wrong = z.object({
  path: z.string().describe('Within its folder'),
  line: count.describe('0: it is a folder'),
  code: z.string(),
  reason: z.string(),
  advice: z.string(),
  earlier_in_force: z.boolean().describe('What it said before, when it was right, is in force'),
})

const ruleJson = ({ rule: found, origin, path: at, notices, fired, excepted }: RuleRecord) => ({
  rule_id: found.id,
  title: found.title,
  description: found.description ?? null,
  severity: found.severity,
  tags: found.tags,
  source: origin.source,
  path: at,
  version: found.version ?? null,
  sha256: origin.sha256,
  notices,
  fired,
  excepted,
})

export const ruleRoutes = (rules: RuleList): Route[] => [
  route({
    method: 'GET',
    path,
    id: 'listRules',
    summary: 'The detection rules that are in force, and what of them is not',
    tag,
    action: 'rule:read',
    query: z.strictObject({
      ...pageQuery,
      days,
      text: z.enum(['true', 'false']).default('false').describe('With their files; then at most 100 of a page'),
    }),
    answer: pageOf(rule.extend({ text: withText.shape.text.optional() })).extend({
      digest: z.string().describe('Of all rules in force (docs/rules.md)'),
      since: time,
      wrong: z.array(wrong),
      others: z
        .array(z.object({ path: z.string(), text: z.string() }))
        .describe(
          'Files without a rule, which change what others do (filters, placeholders): with `text`, on the last page',
        ),
    }),
    handle: async (by, { query: { limit, cursor = '', days: over, text } }) => {
      const most = text === 'true' ? Math.min(limit, 100) : limit
      const found = await rules.list(by, { after: cursor, limit: most + 1, days: over })
      const items = found.slice(0, most)
      const isLast = found.length <= most
      return {
        others: text === 'true' && isLast ? rules.others : [],
        items: items.map((one) => ({ ...ruleJson(one), ...(text === 'true' && { text: one.origin.text }) })),
        next: isLast ? null : (items.at(-1)?.rule.id ?? null),
        digest: rules.digest,
        since: rules.since,
        wrong: rules.wrong.map(({ isEarlierKept, ...one }) => ({ ...one, earlier_in_force: isEarlierKept })),
      }
    },
  }),
  route({
    method: 'GET',
    path: `${path}/{rule_id}`,
    id: 'getRule',
    summary: 'A detection rule that is in force, with its file',
    tag,
    action: 'rule:read',
    params: z.object({ rule_id: ruleId.describe('Its id, or the name of one that has none') }),
    query: z.strictObject({ days }),
    answer: withText,
    errors: ['RULE_UNKNOWN'],
    handle: async (by, { params, query }) => {
      const found = await rules.get(by, params.rule_id, query.days)
      return { ...ruleJson(found), text: found.origin.text }
    },
  }),
]
