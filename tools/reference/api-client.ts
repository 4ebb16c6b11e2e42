// SPDX-License-Identifier: Apache-2.0
// The OpenAPI document and, from it, the types of the client that our own programs use.

import { allRoutes, type HttpPorts } from '../../apps/server/src/api/http/index.ts'
import { openApiOf } from '../../apps/server/src/api/http/openapi.ts'
import { serverVersion } from '../../apps/server/src/version.ts'

type Json = { readonly [member: string]: unknown }

/** Rooms that nobody enters: the routes are read, and none is served. */
const nowhere: unknown = new Proxy(() => undefined, { get: () => nowhere, apply: () => nowhere })

export const openApiDocument = (): Json => openApiOf(allRoutes(nowhere as HttpPorts), serverVersion)

/** docs/reference/openapi.json */
export const openApiText = (): string => `${JSON.stringify(openApiDocument(), null, 2)}\n`

/** packages/contract/src/gen/api-operations.ts */
export function operationsModule(document = openApiDocument()): string {
  const rows: string[] = []
  const places: string[] = []
  for (const [path, item] of Object.entries(document.paths as Record<string, Record<string, Json>>)) {
    for (const [method, operation] of Object.entries(item)) {
      const id = String(operation.operationId)
      places.push(`  ${id}: ['${method.toUpperCase()}', '${path}'],`)
      rows.push(
        [
          `  /** ${String(operation.summary)}. ${String(operation.description)} */`,
          `  readonly ${id}: {`,
          ...parametersIn(operation, 'path', 'params'),
          ...parametersIn(operation, 'query', 'query'),
          ...bodyOf(operation),
          `    readonly answer: ${answerOf(operation)}`,
          '  }',
        ].join('\n'),
      )
    }
  }
  return [
    '// SPDX-License-Identifier: Apache-2.0',
    '// Made by tools/gen from the routes of the API. Do not edit.',
    '',
    '/** What each operation takes and answers. */',
    'export type Operations = {',
    rows.join('\n'),
    '}',
    '',
    '/** Method and path of each. */',
    'export const operations = {',
    places.join('\n'),
    '} as const satisfies { readonly [Id in keyof Operations]: readonly [string, string] }',
    '',
  ].join('\n')
}

function parametersIn(operation: Json, where: string, member: string): string[] {
  const all = ((operation.parameters ?? []) as Json[]).filter((parameter) => parameter.in === where)
  if (all.length === 0) return []
  const isOptional = all.every(({ required }) => required !== true)
  const members = all.map(
    ({ name, required, schema }) =>
      `      readonly ${keyOf(String(name))}${required === true ? '' : '?'}: ${typeOf(schema as Json, 3)}`,
  )
  return [`    readonly ${member}${isOptional ? '?' : ''}: {`, ...members, '    }']
}

function bodyOf({ requestBody }: Json): string[] {
  const schema = (requestBody as { content?: Record<string, { schema?: Json }> } | undefined)?.content?.[
    'application/json'
  ]?.schema
  return schema === undefined ? [] : [`    readonly body: ${typeOf(schema, 2)}`]
}

function answerOf({ responses }: Json): string {
  const good = Object.entries(responses as Record<string, { content?: Record<string, { schema?: Json }> }>).find(
    ([status]) => /^2/.test(status),
  )
  const content = good?.[1].content
  if (content === undefined) return 'undefined'
  const schema = content['application/json']?.schema
  return schema === undefined ? 'string' : typeOf(schema, 2)
}

const keyOf = (name: string) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name))

/** A JSON Schema as a type; what it says beyond types, a type does not. */
export function typeOf(schema: Json | boolean | undefined, depth: number): string {
  if (schema === undefined || typeof schema === 'boolean') return 'unknown'
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  if ('const' in schema) return JSON.stringify(schema.const)
  const parts = (schema.anyOf ?? schema.oneOf) as Json[] | undefined
  if (parts !== undefined) return [...new Set(parts.map((part) => typeOf(part, depth)))].join(' | ')
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeOf({ ...schema, type }, depth)).join(' | ')
  switch (schema.type) {
    case 'string':
      return 'string'
    case 'number':
    case 'integer':
      return 'number'
    case 'boolean':
      return 'boolean'
    case 'null':
      return 'null'
    case 'array': {
      const item = typeOf(schema.items as Json, depth)
      return `readonly ${/[ |{]/.test(item) ? `(${item})` : item}[]`
    }
    case 'object':
      return objectType(schema, depth)
    default:
      return 'unknown'
  }
}

function objectType({ properties = {}, required = [], additionalProperties }: Json, depth: number): string {
  const members = Object.entries(properties as Record<string, Json>)
  const indent = '  '.repeat(depth)
  if (members.length === 0) {
    const value = typeof additionalProperties === 'object' ? typeOf(additionalProperties as Json, depth) : 'unknown'
    return `{ readonly [member: string]: ${value} }`
  }
  const lines = members.map(
    ([name, schema]) =>
      `${indent}  readonly ${keyOf(name)}${(required as string[]).includes(name) ? '' : '?'}: ${typeOf(schema, depth + 1)}`,
  )
  return `{\n${lines.join('\n')}\n${indent}}`
}
