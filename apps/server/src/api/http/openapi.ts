// SPDX-License-Identifier: Apache-2.0

import { z } from 'zod'
import { actions } from '../../access/index.ts'
import { httpErrors } from './problems.ts'
import { formMedia } from './read-form.ts'
import { bodyMaxText, type Route } from './route.ts'

type Json = { readonly [member: string]: unknown }

/** OpenAPI 3.1 of the routes: what they read and answer is what their schemas say. */
export function openApiOf(routes: readonly Route[], version: string): Json {
  const paths: Record<string, Record<string, Json>> = {}
  for (const one of routes) {
    paths[one.path] ??= {}
    ;(paths[one.path] as Record<string, Json>)[one.method.toLowerCase()] = operationOf(one)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sealwatch',
      version,
      summary: 'See what happens on your hosts, stop what must not happen, prove afterwards what happened',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        session: { type: 'apiKey', in: 'cookie', name: '__Host-sealwatch' },
        token: { type: 'http', scheme: 'bearer', description: 'An API token: `sealwatch token create`' },
      },
      schemas: { Problem: problem },
    },
  }
}

const problem = {
  type: 'object',
  description: 'RFC 9457. `code` is stable; `request_id` leads to the log and the ledger.',
  required: ['type', 'title', 'status', 'code', 'request_id'],
  properties: {
    type: { type: 'string', format: 'uri' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', examples: Object.keys(httpErrors) },
    detail: { type: 'string', description: '`rule` and `received` in one sentence' },
    rule: { type: 'string' },
    received: { type: 'string' },
    advice: { type: 'string' },
    request_id: { type: 'string' },
    problems: {
      type: 'array',
      items: {
        type: 'object',
        required: ['at', 'rule'],
        properties: { at: { type: 'string' }, rule: { type: 'string' } },
      },
    },
  },
} as const

function operationOf(one: Route): Json {
  const parameters = [
    ...parametersOf('path', one.params),
    ...parametersOf('query', one.query),
    ...(one.method === 'GET' || !('action' in one) || one.begin !== undefined
      ? []
      : [
          {
            name: 'Idempotency-Key',
            in: 'header',
            required: false,
            description: 'The same key with the same request is done once',
            schema: { type: 'string', minLength: 8, maxLength: 128 },
          },
        ]),
  ]
  const needs =
    'open' in one
      ? { security: [], description: `Open: ${one.open}.` }
      : 'self' in one
        ? { security: [{ session: [] }, { token: [] }], description: `Of the caller's own session: ${one.self}.` }
        : {
            security: [{ session: [] }, { token: [] }],
            description: `Needs \`${one.action}\` in the ${actions[one.action].of === 'tenant' ? 'tenant' : 'tenant `cluster`'}.`,
            'x-action': one.action,
          }
  const status = String(one.status ?? (one.answer === undefined && one.media === undefined ? 204 : 200))
  return {
    operationId: one.id,
    summary: one.summary,
    tags: [one.tag],
    ...needs,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(one.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            ...(one.bodyMax !== undefined && { description: `At most ${bodyMaxText(one.bodyMax)}` }),
            content: {
              [one.isForm === true ? formMedia : 'application/json']: { schema: schemaOf(one.body, 'input') },
            },
          },
        }),
    responses: {
      [status]: {
        description: 'Done',
        ...(one.answer !== undefined
          ? { content: { 'application/json': { schema: schemaOf(one.answer, 'output') } } }
          : one.media !== undefined
            ? { content: { [one.media]: {} } }
            : {}),
      },
      default: {
        description: ['A problem', ...(one.errors ?? [])].join(', '),
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  }
}

function parametersOf(where: 'path' | 'query', schema: z.ZodType | undefined): Json[] {
  if (schema === undefined) return []
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as {
    properties?: Record<string, Json>
    required?: string[]
  }
  return Object.entries(properties).map(([name, inner]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    ...(typeof inner.description === 'string' ? { description: inner.description } : {}),
    schema: inner,
  }))
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { target: 'draft-2020-12', io, unrepresentable: 'any' })
  return rest
}
