// SPDX-License-Identifier: Apache-2.0

import { z } from 'zod'
import { policyDocument } from './document.ts'

export type JsonSchema = {
  readonly type?: string
  readonly const?: unknown
  readonly description?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly additionalProperties?: boolean | JsonSchema
  readonly items?: JsonSchema
  readonly oneOf?: readonly JsonSchema[]
  readonly required?: readonly string[]
}

let made: JsonSchema | undefined

/** JSON Schema 2020-12 of a policy as it is written (docs/reference/policy.schema.json). */
export function policySchema(): JsonSchema {
  made ??= {
    ...(z.toJSONSchema(policyDocument, { io: 'input', target: 'draft-2020-12' }) as JsonSchema),
    ...{ $id: 'https://sealwatch.dev/schemas/policy-1.json', title: 'Sealwatch security policy' },
  }
  return made
}

/** What the schema says of the place that a path leads to in a value; undefined where it says nothing. */
export function schemaAt(value: unknown, path: readonly PropertyKey[]): JsonSchema | undefined {
  let schema: JsonSchema | undefined = policySchema()
  let at = value
  for (const step of path) {
    schema = chosen(schema, at)
    if (typeof step === 'number') schema = schema?.items
    else schema = schema?.properties?.[String(step)] ?? objectOf(schema?.additionalProperties)
    at = typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[step] : undefined
  }
  return chosen(schema, at)
}

/** Of alternatives, the one whose constants the value has. */
function chosen(schema: JsonSchema | undefined, value: unknown): JsonSchema | undefined {
  if (schema?.oneOf === undefined || typeof value !== 'object' || value === null) return schema
  return schema.oneOf.find(({ properties = {} }) =>
    Object.entries(properties).every(
      ([name, { const: due }]) => due === undefined || (value as Record<string, unknown>)[name] === due,
    ),
  )
}

const objectOf = (schema: boolean | JsonSchema | undefined) => (typeof schema === 'object' ? schema : undefined)
