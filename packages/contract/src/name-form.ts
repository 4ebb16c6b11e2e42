// SPDX-License-Identifier: Apache-2.0
// Names that stand in paths and lines: the form for machines, and the same in words. No node: imports.

import { limits, tenantForm } from './limits.ts'

export type NameForm = {
  readonly form: RegExp
  /** Characters. */
  readonly max: number
  /** Completes "must be". */
  readonly words: string
}

const slugWords = 'lower-case letters, digits and hyphens, 1 to 64, beginning and ending with a letter or digit'

/** Of tenants, of policies, and of rules and lists within a policy. */
export const slugName: NameForm = { form: tenantForm, max: limits.tenantNameMax, words: slugWords }
/** Of a role that a tenant made. */
export const roleName: NameForm = {
  form: /^[a-z][a-z0-9_-]{0,31}$/,
  max: 32,
  words: 'lower-case letters, digits, - and _, 1 to 32, beginning with a letter',
}

/** What somebody who typed something else probably meant: `bad-name` for `Bad Name`. Undefined where that is no name either. */
export function nameMeant({ form, max }: NameForm, typed: string): string | undefined {
  const plain = typed
    .slice(0, 256)
    .normalize('NFKD')
    .replace(/\p{Mn}/gu, '')
    .toLowerCase()
  const meant = plain
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-/, '')
    .slice(0, max)
    .replace(/-$/, '')
  return form.test(meant) ? meant : undefined
}

/** The rule, and a name of that form. */
export function nameRule(name: NameForm, typed: string): string {
  const meant = nameMeant(name, typed)
  return meant === undefined ? name.words : `${name.words}, such as ${meant}`
}
