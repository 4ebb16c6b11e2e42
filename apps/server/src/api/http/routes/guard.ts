// SPDX-License-Identifier: Apache-2.0

import { slugName } from '@sealwatch/contract'
import { guardConfigLimits } from '@sealwatch/contract/guard-config'
import { z } from 'zod'
import type { GroupAllowance } from '../../../fleet/index.ts'
import type { ApiPorts } from '../../ports.ts'
import { type Route, route } from '../route.ts'
import { anyTime, nameOf, recorded, recordedJson, time } from '../shapes.ts'

const tag = 'guard'
const textMax = guardConfigLimits.textMax
const cause = z.string().min(1).max(textMax).describe('Why, for the ledger and the host; name nobody')
const exe = z.string().max(4_096).describe('Absolute path of a program, in the mount namespace of the machine')
const uid = z.number().int().min(0).max(4_294_967_294)
const user = z.string().max(256).describe('An account, by its name on the host')
const target = z.string().max(64).describe('Name of a protected entry; left out: any')

const allowance = z.object({
  id: z.string(),
  group: z.string().describe('Of hosts'),
  exe: exe.nullable(),
  uid: uid.nullable(),
  user: user.nullable(),
  target: target.nullable(),
  until: time,
  by: z.string().describe('`kind:id`, as in the ledger'),
  why: z.string(),
})
const written = z.object({ allowance, ledger: recorded })

const allowanceJson = ({
  exe = undefined,
  uid = undefined,
  user = undefined,
  target = undefined,
  ...rest
}: GroupAllowance) => ({
  ...rest,
  ...{ exe: exe ?? null, uid: uid ?? null, user: user ?? null, target: target ?? null },
})

export const guardRoutes = ({ groups }: Pick<ApiPorts, 'groups'>): Route[] => [
  route({
    method: 'GET',
    path: '/api/v1/guard/allowances',
    id: 'listAllowances',
    summary: 'Whom the guards of hosts let do what would else be an incident, and until when',
    tag,
    action: 'host:list',
    answer: z.object({ items: z.array(allowance).describe('Those that are not over') }),
    handle: async (by) => ({ items: (await groups.allowances(by)).map(allowanceJson) }),
  }),
  route({
    method: 'POST',
    path: '/api/v1/guard/allowances',
    id: 'giveAllowance',
    summary: 'Let somebody past the guards of a group of hosts until a moment; what is let is recorded',
    tag,
    action: 'host:configure',
    body: z.strictObject({
      group: nameOf(slugName).describe('Of hosts'),
      exe: exe.optional(),
      uid: uid.optional(),
      user: user.optional(),
      target: target.optional(),
      until: anyTime.describe('RFC 3339, at most seven days ahead'),
      cause,
    }),
    answer: written,
    status: 201,
    errors: ['GROUP_UNKNOWN', 'GROUP_CHANGED_MEANWHILE', 'ALLOWANCE_INVALID', 'ALLOWANCES_TOO_MANY'],
    handle: async (by, { body: { group, until, cause: why, ...whom } }) => {
      const endMs = Date.parse(until)
      const end = Number.isNaN(endMs) ? until : new Date(endMs).toISOString()
      const named = Object.fromEntries(Object.entries(whom).filter(([, value]) => value !== undefined))
      const given = await groups.allow(by, group, { ...named, until: end, cause: why })
      return { allowance: allowanceJson(given.allowance), ledger: recordedJson(given.recorded) }
    },
  }),
  route({
    method: 'POST',
    path: '/api/v1/guard/allowances/{allowance}/end',
    id: 'endAllowance',
    summary: 'End an allowance before its time; its hosts are told at once',
    tag,
    action: 'host:configure',
    params: z.object({ allowance: z.string().max(64).describe('An allowance') }),
    body: z.strictObject({ cause }),
    answer: written,
    errors: ['ALLOWANCE_UNKNOWN', 'GROUP_CHANGED_MEANWHILE'],
    handle: async (by, { params, body }) => {
      const ended = await groups.disallow(by, params.allowance, body.cause)
      return { allowance: allowanceJson(ended.allowance), ledger: recordedJson(ended.recorded) }
    },
  }),
]
