// SPDX-License-Identifier: Apache-2.0
// Shapes that several routes share.

import { roleName as customRole, type NameForm, nameRule, slugName } from '@sealwatch/contract'
import { z } from 'zod'

export const time = z.string().max(40).describe('RFC 3339, UTC')
/** As people give it, with whatever offset and digits. */
export const anyTime = z.string().max(40).describe('RFC 3339')
export const personId = z
  .string()
  .regex(/^usr_[A-Za-z0-9_-]{1,64}$/, { error: "a person's id, usr_…, as `sealwatch member list` shows it" })
  .describe('A person')

/** A name that somebody chose. What is wrong with it is told in words: the pattern is for programs. */
export const nameOf = (name: NameForm) =>
  z.string().regex(name.form, { error: ({ input }) => nameRule(name, String(input)) })
export const tenantName = nameOf(slugName)
export const serviceName = nameOf(slugName)
export const customRoleName = nameOf(customRole)
export const roleName = z.string().regex(/^(?:custom\/)?[a-z][a-z0-9_-]{0,31}$/, {
  error: 'a role of this tenant, as `sealwatch role list` shows it: viewer, or custom/oncall',
})

/** Where the line about an act is; null: it is parked, and enters the ledger as soon as that takes it. */
export const recorded = z
  .object({ tenant: z.string(), leaf_index: z.number().int().nullable() })
  .describe('The line in the ledger')

export const recordedJson = ({
  tenant,
  leafIndex,
}: {
  readonly tenant: string
  readonly leafIndex: number | undefined
}) => ({
  tenant,
  leaf_index: leafIndex ?? null,
})

export const pageMax = 500
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(pageMax).default(100).describe('Items of a page'),
  cursor: z.string().max(256).optional().describe('`next` of the page before'),
}
export const pageOf = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item), next: z.string().nullable() })
