// SPDX-License-Identifier: Apache-2.0

import { eventClasses, severities } from '../event/classes.ts'

export const operators = ['=', '!=', '<', '<=', '>', '>=', '~', 'in'] as const
export type Operator = (typeof operators)[number]

const equality = ['=', '!=', 'in'] as const
const order = ['=', '!=', '<', '<=', '>', '>=', 'in'] as const

/**
 * What can be asked for. `names`: the words for its numbers; where it is closed, others are refused. `line`: it is not
 * in the index but in the line itself, which must be read.
 */
export type FieldRow = {
  readonly value: 'name' | 'number' | 'time' | 'text'
  readonly operators: readonly Operator[]
  readonly names?: Readonly<Record<string, number>>
  readonly words?: readonly string[]
  readonly line: boolean
}

/** OCSF's class for acts that our own tables do not spell out (Entity Management). */
const entityManagement = 3004
const entityActivities = {
  create: { id: 1 },
  read: { id: 2 },
  update: { id: 3 },
  delete: { id: 4 },
  enroll: { id: 6 },
  unenroll: { id: 7 },
  enable: { id: 8 },
  disable: { id: 9 },
  suspend: { id: 12 },
  resume: { id: 13 },
} as const
/** OCSF's "Other": it says nothing by its number. */
const otherActivity = 99

const classNames: Readonly<Record<string, number>> = {
  ...Object.fromEntries(Object.entries(eventClasses).map(([name, { uid }]) => [wordOf(name), uid])),
  entity: entityManagement,
}

/** Filters are read without regard to case: the words of a name are told apart by underscores. */
function wordOf(name: string): string {
  return name.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`)
}

/** Of these words the one that is meant: in any case, and with its underscores or without them. */
export function wordMeant(text: string, words: readonly string[]): string | undefined {
  const bare = (word: string) => word.toLowerCase().replaceAll('_', '')
  const [first, ...others] = words.filter((word) => bare(word) === bare(text))
  return others.length === 0 ? first : undefined
}

export const classWords: readonly string[] = Object.keys(classNames)
/** OCSF's class_uid. */
export const classNamed = (text: string): number | undefined => classNames[wordMeant(text, classWords) ?? '']

type Meaning = { readonly name: string; readonly classUid: number; readonly activityId: number }

/** A name of an activity means it in every class that has it. */
export const activityMeanings: ReadonlyMap<string, readonly Meaning[]> = Map.groupBy(
  [
    ...Object.values(eventClasses).flatMap(({ uid, activities }) => meaningsOf(uid, activities)),
    ...meaningsOf(entityManagement, entityActivities),
  ].filter(({ activityId }) => activityId !== otherActivity),
  ({ name }) => name,
)

function meaningsOf(classUid: number, activities: Readonly<Record<string, { readonly id: number }>>): Meaning[] {
  return Object.entries(activities).map(([name, { id }]) => ({ name: wordOf(name), classUid, activityId: id }))
}

export const fields = {
  class: { value: 'name', operators: equality, names: classNames, line: false },
  activity: { value: 'name', operators: equality, words: [...activityMeanings.keys()], line: true },
  severity: {
    value: 'name',
    operators: order,
    names: Object.fromEntries(Object.entries(severities).map(([name, { severity_id }]) => [name, severity_id])),
    line: true,
  },
  time: { value: 'time', operators: order, line: false },
  kind: {
    value: 'text',
    operators: equality,
    words: [
      'anchor',
      'close',
      'delegation',
      'event',
      'head',
      'key',
      'registry',
      'replay',
      'row',
      'stub',
      'submission',
      'submission_replay',
      'submission_stub',
      'tenant_head',
    ],
    line: false,
  },
  leaf: { value: 'number', operators: order, line: false },
  source: { value: 'text', operators: equality, words: ['host', 'server'], line: false },
  host: { value: 'text', operators: ['=', '!=', '~', 'in'], line: true },
  text: { value: 'text', operators: ['~'], line: true },
} as const satisfies Readonly<Record<string, FieldRow>>

export type Field = keyof typeof fields
export const fieldNames = Object.keys(fields) as Field[]
export const fieldRow = (field: Field): FieldRow => fields[field]
export const isField = (name: string): name is Field => Object.hasOwn(fields, name)
