// SPDX-License-Identifier: Apache-2.0

import { z } from 'zod'
import { eraseSubject } from '../../keys.ts'
import type { ApiPorts } from '../../ports.ts'
import { type Route, route } from '../route.ts'

export const subjectRoutes = (ports: ApiPorts): Route[] => [
  route({
    method: 'POST',
    path: '/api/v1/subjects/erase',
    id: 'eraseSubject',
    summary: 'Destroy the keys of a person: what was sealed under them cannot be read again, and every proof holds',
    tag: 'keys',
    action: 'subject:erase',
    body: z.union([
      z.strictObject({ name: z.string().min(1).max(1024).describe('Account name, on every host of the tenant') }),
      z.strictObject({
        uid: z
          .string()
          .max(1024)
          .regex(/^[^/]+\/[^/]+$/)
          .describe('`<host id>/<user id>`: an account that no event gives a name'),
      }),
    ]),
    answer: z.object({
      label: z.string().describe('The pseudonym that the ledger names the person by'),
      subject_keys: z.number().int(),
      first_layout: z.boolean().describe('The tenant has values that only its own erasure reaches (sealing.md, 6.2)'),
    }),
    errors: ['KEYS_ERASED', 'AUDIT_NOT_RECORDED'],
    handle: async (by, { body }) => {
      const subject =
        'name' in body ? { case: 'name' as const, value: body.name } : { case: 'uid' as const, value: body.uid }
      // Where the order stands in the ledger of the deployment is not told: it would count what all others do.
      const { label, subjectKeys, firstLayout } = await eraseSubject(ports, by, subject)
      return {
        label,
        subject_keys: subjectKeys,
        first_layout: firstLayout,
      }
    },
  }),
]
