// SPDX-License-Identifier: Apache-2.0
// Tests only: resolves a checkout of the OCSF schema and says what an event has against it.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

type Attribute = {
  readonly type?: string
  readonly is_array?: boolean
  readonly requirement?: string
  readonly profile?: string | null
  readonly sibling?: string
  readonly enum?: Readonly<Record<string, { readonly caption: string }>>
  readonly '@deprecated'?: unknown
}
type Attributes = Readonly<Record<string, Attribute>>
type Category = { readonly uid?: number; readonly caption?: string }
type Definition = {
  readonly caption?: string
  readonly name?: string
  readonly uid?: number
  readonly extends?: string
  readonly category?: string
  readonly attributes: Readonly<Record<string, Attribute | readonly string[]>>
  readonly constraints?: { readonly at_least_one?: readonly string[]; readonly just_one?: readonly string[] }
}
type Resolved = { readonly attributes: Attributes; readonly constraints: NonNullable<Definition['constraints']> }
type Json = Readonly<Record<string, unknown>>

/** What is wrong with an event, one sentence each; empty when it is valid. Deprecated members count as wrong. */
export type OcsfValidator = (event: Json) => readonly string[]

const primitives: Readonly<Record<string, (value: unknown) => boolean>> = {
  boolean_t: (value) => typeof value === 'boolean',
  integer_t: Number.isSafeInteger,
  long_t: Number.isSafeInteger,
  port_t: (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 65_535,
  timestamp_t: Number.isSafeInteger,
  json_t: () => true,
  object: (value) => typeof value === 'object' && value !== null,
}

export function openOcsfSchema(folder: string): OcsfValidator {
  const dictionary = read<{ attributes: Attributes }>(join(folder, 'dictionary.json')).attributes
  const definitions = (kind: string) => readAll(join(folder, kind))
  const objects = byName(definitions('objects'))
  const events = definitions('events')
  const eventNames = byName(events)
  const patches = definitions('extensions/linux/objects')

  const resolve = (definition: Definition, parents: Map<string, Definition>, patch?: Definition): Resolved => {
    const parent = definition.extends === undefined ? undefined : parents.get(definition.extends)
    const above: Resolved = parent ? resolve(parent, parents) : { attributes: {}, constraints: {} }
    const attributes: Record<string, Attribute> = { ...above.attributes }
    for (const source of patch ? [definition, patch] : [definition]) {
      for (const include of (source.attributes.$include ?? []) as readonly string[])
        for (const [name, attribute] of Object.entries(profile(include)))
          attributes[name] = merge(dictionary[name], attributes[name], attribute)
      for (const [name, attribute] of Object.entries(source.attributes))
        if (name !== '$include') attributes[name] = merge(dictionary[name], attributes[name], attribute as Attribute)
    }
    return { attributes, constraints: definition.constraints ?? above.constraints }
  }

  const profile = (path: string): Attributes => {
    const inExtension = path.endsWith('linux_users.json')
    const { name, attributes } = read<Definition>(join(folder, inExtension ? 'extensions/linux' : '', path))
    const profileName = inExtension ? `linux/${name}` : name
    return Object.fromEntries(
      Object.entries(attributes as Attributes).map(([member, attribute]) => [
        member,
        { ...attribute, profile: profileName ?? null },
      ]),
    )
  }

  const check = (value: Json, { attributes, constraints }: Resolved, profiles: readonly string[], at: string) => {
    const faults: string[] = []
    for (const [name, inner] of Object.entries(value)) {
      const attribute = attributes[name]
      if (attribute === undefined) faults.push(`${at}/${name} is not in the schema`)
      else if (attribute.profile && !profiles.includes(attribute.profile))
        faults.push(`${at}/${name} needs the profile ${attribute.profile}`)
      else faults.push(...checkValue(inner, attribute, value, profiles, `${at}/${name}`))
    }
    for (const [name, { requirement, profile: needed }] of Object.entries(attributes))
      if (requirement === 'required' && !needed && !(name in value)) faults.push(`${at}/${name} is required`)
    const present = (names: readonly string[]) => names.filter((name) => name in value).length
    const { at_least_one: some, just_one: one } = constraints
    if (some && present(some) === 0) faults.push(`${at} needs one of ${some}`)
    if (one && present(one) !== 1) faults.push(`${at} needs just one of ${one}`)
    return faults
  }

  const checkValue = (
    value: unknown,
    attribute: Attribute,
    holder: Json,
    profiles: readonly string[],
    at: string,
  ): readonly string[] => {
    if (attribute['@deprecated']) return [`${at} is deprecated`]
    if (attribute.is_array) {
      if (!Array.isArray(value)) return [`${at} must be an array`]
      return value.flatMap((item, index) =>
        checkValue(item, { ...attribute, is_array: false }, holder, profiles, `${at}/${index}`),
      )
    }
    const type = attribute.type ?? 'string_t'
    const primitive = primitives[type] ?? (type.endsWith('_t') ? (v: unknown) => typeof v === 'string' : undefined)
    if (primitive) {
      if (!primitive(value)) return [`${at} must be ${type}, not ${JSON.stringify(value)}`]
      const row = attribute.enum?.[String(value)]
      if (attribute.enum && !row) return [`${at} has no value ${value}`]
      const label = attribute.sibling === undefined ? undefined : holder[attribute.sibling]
      if (row && label !== undefined && value !== 99 && label !== row.caption)
        return [`${at} ${value} is called ${row.caption}, not ${label}`]
      return []
    }
    const object = objects.get(type)
    if (object === undefined) return [`${at} is of the unknown type ${type}`]
    if (typeof value !== 'object' || value === null) return [`${at} must be an object`]
    const patch = patches.find((candidate) => candidate.extends === type)
    return check(value as Json, resolve(object, objects, patch), profiles, at)
  }

  const categories = read<{ attributes: Readonly<Record<string, Category>> }>(
    join(folder, 'categories.json'),
  ).attributes
  const categoryOf = ({ category, extends: parentName }: Definition): Category => {
    const parent = eventNames.get(parentName ?? '')
    return categories[category ?? ''] ?? (parent ? categoryOf(parent) : {})
  }
  const uidOf = (definition: Definition) => (categoryOf(definition).uid ?? 0) * 1000 + (definition.uid ?? 0)
  const classes = new Map(events.map((definition) => [uidOf(definition), definition]))

  return (event) => {
    const definition = classes.get(Number(event.class_uid))
    if (definition === undefined) return [`class ${event.class_uid} is not in the schema`]
    const resolved = resolve(definition, eventNames)
    const activity = resolved.attributes.activity_id?.enum?.[String(event.activity_id)]
    // These follow from the class: the schema's own compiler writes their enumerations.
    const derived: Json = {
      category_uid: categoryOf(definition).uid,
      category_name: categoryOf(definition).caption,
      class_uid: uidOf(definition),
      class_name: definition.caption,
      type_uid: uidOf(definition) * 100 + Number(event.activity_id),
      type_name: `${definition.caption}: ${activity?.caption}`,
    }
    const rest = Object.entries(event).filter(([name]) => !(name in derived))
    const { profiles = [] } = event.metadata as { profiles?: readonly string[] }
    return [
      ...Object.entries(derived).flatMap(([name, value]) =>
        event[name] === value ? [] : [`/${name} must be ${value}`],
      ),
      ...check(Object.fromEntries(rest), omit(resolved, derived), profiles, ''),
    ]
  }
}

function omit({ attributes, constraints }: Resolved, names: Json): Resolved {
  return {
    attributes: Object.fromEntries(Object.entries(attributes).filter(([name]) => !(name in names))),
    constraints,
  }
}

function merge(...layers: (Attribute | undefined)[]): Attribute {
  const merged = Object.assign({}, ...layers.filter(Boolean)) as Attribute
  const enums = layers.flatMap((layer) => (layer?.enum ? [layer.enum] : []))
  return enums.length === 0 ? merged : { ...merged, enum: Object.assign({}, ...enums) }
}

function byName(definitions: readonly Definition[]): Map<string, Definition> {
  return new Map(definitions.flatMap((definition) => (definition.name ? [[definition.name, definition]] : [])))
}

function readAll(folder: string): readonly Definition[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json'))
    .map((name) => read<Definition>(join(folder, name)))
}

function read<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T
}
