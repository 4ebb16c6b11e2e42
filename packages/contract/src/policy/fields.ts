// SPDX-License-Identifier: Apache-2.0
// What rules of every type are made of.

import { z } from 'zod'
import { nameFault } from '../look-alike.ts'
import { nameMeant, slugName } from '../name-form.ts'
import { parsePrefix } from './address.ts'
import { policyLimits } from './limits.ts'
import { listOf } from './list-name.ts'
import { pathFault } from './path-pattern.ts'
import type { PolicyProblemCode } from './problem.ts'
import { portRange } from './ranges.ts'

/** What a text breaks: problems tell it as it is. */
export type Fault = { readonly rule: string; readonly suggestion: string; readonly code?: PolicyProblemCode }
type Form = {
  readonly description: string
  readonly maxLength: number
  /** For the JSON Schema, of those forms that a pattern can tell. */
  readonly pattern?: string
  readonly fault?: (text: string) => Fault | undefined
}

/** A text of a form. All that can be wrong with it is said by one problem. */
const formed = ({ description, maxLength, pattern, fault }: Form) =>
  z
    .string()
    .superRefine((value, context) => {
      const found = plainFault(value, maxLength) ?? fault?.(value)
      if (found === undefined) return
      const { rule, suggestion, code = 'wrong_value' } = found
      context.addIssue({ code: 'custom', message: rule, params: { code, suggestion } })
    })
    .meta({ description, minLength: 1, maxLength, ...(pattern === undefined ? {} : { pattern }) })

function plainFault(value: string, maxLength: number): Fault | undefined {
  if (value === '')
    return { rule: 'a text has at least one character', suggestion: 'Write it, or leave the member out' }
  if (value.length > maxLength)
    return { rule: `the text has at most ${maxLength} characters`, suggestion: `Shorten it: it has ${value.length}` }
  if (/\p{Cc}/u.test(value)) return { rule: 'a text has no control characters', suggestion: 'Remove them' }
  // Of a surrogate pair one half: there is no canonical form of such a text.
  return value.isWellFormed()
    ? undefined
    : { rule: 'a text is well-formed Unicode', suggestion: 'Remove the half of a surrogate pair' }
}

/** Names of rules and lists within a document, and ids of policies. */
const slugForm = slugName.form

const slug = (description: string) =>
  formed({
    description,
    maxLength: 64,
    pattern: slugForm.source,
    fault: (text) => (slugForm.test(text) ? undefined : slugFault(text)),
  })

function slugFault(text: string, mark = ''): Fault {
  const meant = nameMeant(slugName, text)
  const suggestion = meant === undefined ? `Write it as ${mark}web-servers` : `Write "${mark}${meant}"`
  return { rule: `such a name is ${slugName.words}`, suggestion }
}

/** The fault of a value that may also name a list. */
const orList = (fault: (text: string) => Fault | undefined) => (text: string) => {
  const name = listOf(text)
  if (name === undefined) return fault(text)
  return slugForm.test(name) ? undefined : slugFault(name, '@')
}

const matching =
  (form: RegExp, rule: string, suggestion: string) =>
  (text: string): Fault | undefined =>
    form.test(text) ? undefined : { rule, suggestion }

export const policyName = formed({
  description: 'Name for people, its own within the tenant',
  maxLength: policyLimits.nameUnitsMax,
  fault: (text) => {
    const fault = nameFault(text)
    return (
      fault && { code: 'look_alike', rule: `${fault.rule}; there is ${fault.received}`, suggestion: fault.suggestion }
    )
  },
})
export const ruleId = slug('Name of the rule, its own within the policy: reports and differences speak of it')
export const description = formed({
  description: 'What it is for, for people',
  maxLength: policyLimits.descriptionUnitsMax,
})
export const reason = formed({ description: 'Why it is no threat', maxLength: policyLimits.descriptionUnitsMax })
export const action = z.enum(['allow', 'deny']).describe('What becomes of what the rule matches')

/** A list in a rule: one of its values has to match. An empty one would match nothing. */
export const values = <T extends z.ZodType>(value: T) => z.array(value).min(1).max(policyLimits.valuesMax)

export const address = formed({
  description: 'An IPv4 or IPv6 address, a prefix as 10.0.0.0/8, or @list',
  maxLength: 68,
  pattern: '^(@[a-z0-9-]+|[0-9A-Fa-f:.]+(/[0-9]{1,3})?)$',
  fault: orList((text) => {
    const prefix = parsePrefix(text)
    if (prefix === undefined)
      return {
        code: 'wrong_address',
        rule: 'an address is IPv4 or IPv6, alone or with the length of its prefix',
        suggestion: 'Write it as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32; what the name of a host means may change',
      }
    if (prefix.exact) return undefined
    const rule = 'a prefix has no bits set beyond its length'
    return { code: 'wrong_address', rule, suggestion: `Write ${prefix.first}, or the address without /` }
  }),
})

const portRule = 'a port is a number from 1 to 65535, a range as "8000-8100", or @list'
export const port = z
  .union(
    [
      z.int(portRule).min(1, portRule).max(65_535, portRule),
      formed({
        description: 'A range of ports, or @list',
        maxLength: 65,
        pattern: '^(@[a-z0-9-]+|[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?)$',
        fault: orList((text) => {
          if (portRange(text) !== undefined) return undefined
          const swapped = text.split('-').reverse().join('-')
          if (portRange(swapped) === undefined) return { rule: portRule, suggestion: 'Write it as 443 or "8000-8100"' }
          return {
            code: 'wrong_order',
            rule: 'a range of ports runs from the lower to the higher',
            suggestion: `Write "${swapped}"`,
          }
        }),
      }),
    ],
    portRule,
  )
  .describe('A port from 1 to 65535, a range as "8000-8100", or @list')

export const path = formed({
  description:
    'An absolute path; * and ? stand for characters within a segment, ** for any number of segments; or @list',
  maxLength: policyLimits.patternUnitsMax,
  pattern: '^(@[a-z0-9-]+|/.*)$',
  fault: orList((text) => {
    const fault = pathFault(text)
    return fault && { code: 'wrong_path', ...fault }
  }),
})
export const commandLine = formed({
  description: 'A whole command line, its words joined by single spaces; * and ? stand for any characters; or @list',
  maxLength: policyLimits.patternUnitsMax,
  fault: orList(() => undefined),
})

const userRule = 'a user is an account name, a numeric user id, or @list'
const uidMax = 4_294_967_295
export const user = z
  .union(
    [
      z.int(userRule).min(0, userRule).max(uidMax, userRule),
      formed({
        description: 'The name of an account, or @list',
        maxLength: 65,
        fault: orList(
          matching(
            /^[a-zA-Z_][\w.-]{0,30}[\w.$-]?$/,
            userRule,
            'Write the name as /etc/passwd has it, or the number without quotes',
          ),
        ),
      }),
    ],
    userRule,
  )
  .describe('The name of an account, a numeric user id, or @list')

export const unit = formed({
  description: 'A unit of systemd with its type, as nginx.service; * and ? stand for any characters; or @list',
  maxLength: 256,
  fault: orList((text) => {
    if (/^[\w.:@\\*?-]+\.(?:service|socket|scope|slice|mount|timer|path|target|swap)$/.test(text)) return undefined
    const suggestion = /^[\w.:@-]+$/.test(text) ? `Write ${text}.service` : 'Write it as nginx.service'
    return { rule: 'a unit is named with its type', suggestion }
  }),
})

/** Of the machine: its host id, or its host name. */
export const host = formed({
  description: 'The id of a host, or its host name; * and ? stand for any characters',
  maxLength: 253,
  fault: matching(/^[\w.*?:-]+$/, 'a host is told by its id or its host name', 'Write it as web-1 or web-*'),
})
export const detection = formed({
  description: 'The id of a detection rule; * and ? stand for any characters',
  maxLength: 128,
  fault: matching(
    /^[\w.:*?-]+$/,
    'a detection rule is told by its id',
    'Findings name it as finding_info.analytic.uid',
  ),
})

export const severity = z.enum(['informational', 'low', 'medium', 'high', 'critical'])
export const seconds = z.int().min(0).max(policyLimits.secondsMax)
export const score = z.int().min(0).max(100)
export const instant = z.iso.datetime('a time is written in UTC, as 2027-01-31T08:00:00Z')

/** Lists of one kind of value, by name, that rules refer to as @name. They may refer to each other. */
export const namedLists = <T extends z.ZodType>(value: T) =>
  z
    .record(slug('The name of a list'), z.array(value).max(policyLimits.listValuesMax))
    .refine((lists) => Object.keys(lists).length <= policyLimits.listsMax, {
      error: `there are at most ${policyLimits.listsMax} lists of a kind`,
      params: { code: 'too_many', suggestion: 'Use fewer, or split the policy' },
    })
    .optional()
