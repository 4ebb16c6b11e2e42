// SPDX-License-Identifier: Apache-2.0
// What the OpenAPI document says of the API holds, whatever is sent: requests are made from the document itself.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { startServer, type TestServer } from './server.ts'

type Schema = {
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly pattern?: string
  readonly maxLength?: number
  readonly minLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly maxItems?: number
  readonly additionalProperties?: boolean | Schema
}
type Operation = {
  readonly operationId: string
  readonly 'x-action'?: string
  readonly security: readonly unknown[]
  readonly parameters?: readonly {
    readonly name: string
    readonly in: string
    readonly required: boolean
    readonly schema: Schema
  }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> }>
  >
}
type Document = { readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> }

let server: TestServer
let operations: { readonly method: string; readonly path: string; readonly operation: Operation }[]
let token: string
let serviceToken: string

before(async () => {
  server = await startServer()
  const document = JSON.parse((await server.send({ method: 'GET', path: '/api/v1/openapi.json' })).text) as Document
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  )
  // One that may do all that a token can.
  const root = server.root('default')
  const { grantable_actions } = await root.call('listRoles')
  const actions = grantable_actions.filter((action) => action !== 'rows:write')
  const made = await root.call('createToken', { body: { name: 'fuzz', actions, ttl_seconds: 3600 } })
  token = made.token
  // But for what a service's alone can.
  await root.call('addProducer', { body: { producer: 'fuzz' } })
  const body = { name: 'fuzz', actions: ['rows:write'], service: 'fuzz', ttl_seconds: 3600 }
  serviceToken = (await root.call('createToken', { body })).token
})
after(() => server[Symbol.asyncDispose]())

const strange = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '../..',
    '%00',
    '\u202e',
    '\u0000',
    "1'; DROP TABLE users; --",
    '𝕬',
    '9007199254740993',
    '-1',
    '1e400',
    'null',
    '__proto__',
    'constructor',
  ),
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.string({ maxLength: 3000 }),
)

const tokenFor = (operation: Operation) => (operation['x-action'] === 'rows:write' ? serviceToken : token)

/** A value of the schema, or of some other form. */
function someOf(schema: Schema | undefined, depth = 0): fc.Arbitrary<unknown> {
  const any = fc.oneof(
    strange,
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.array(strange, { maxLength: 3 }),
    fc.dictionary(strange, strange, { maxKeys: 3 }),
  )
  if (schema === undefined || depth > 4) return any
  return fc.oneof({ arbitrary: rightOf(schema, depth), weight: 5 }, { arbitrary: any, weight: 1 })
}

function rightOf(schema: Schema, depth: number): fc.Arbitrary<unknown> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  if (schema.const !== undefined) return fc.constant(schema.const)
  const parts = schema.anyOf ?? schema.oneOf
  if (parts !== undefined) return fc.oneof(...parts.map((part) => rightOf(part, depth + 1)))
  switch (Array.isArray(schema.type) ? schema.type[0] : schema.type) {
    case 'string':
      if (schema.pattern !== undefined)
        return fc.stringMatching(new RegExp(schema.pattern)).map((text) => text.slice(0, schema.maxLength ?? 200))
      return fc.string({
        minLength: Math.min(schema.minLength ?? 0, 64),
        maxLength: Math.min(schema.maxLength ?? 64, 64),
      })
    case 'integer':
      return fc.integer({ min: Math.max(schema.minimum ?? 0, -1e6), max: Math.min(schema.maximum ?? 1e6, 1e6) })
    case 'number':
      return fc.double({ noNaN: true })
    case 'boolean':
      return fc.boolean()
    case 'array':
      return fc.array(someOf(schema.items, depth + 1), { maxLength: Math.min(schema.maxItems ?? 4, 4) })
    case 'object': {
      const { properties = {}, required = [] } = schema
      const model = Object.fromEntries(
        Object.entries(properties).map(([name, inner]) => [name, someOf(inner, depth + 1)]),
      )
      return fc.record(model, { requiredKeys: fc.sample(fc.boolean(), 1)[0] === true ? [...required] : [] })
    }
    default:
      return fc.constant({})
  }
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))

/** Does the value have the form? What a schema says beyond types and members is not asked. */
function faultOf(value: unknown, schema: Schema | undefined, at = '$'): string | undefined {
  if (schema === undefined || Object.keys(schema).length === 0) return undefined
  const parts = schema.anyOf ?? schema.oneOf
  if (parts !== undefined)
    return parts.some((part) => faultOf(value, part, at) === undefined) ? undefined : `${at}: none of the forms`
  if (schema.enum !== undefined) return schema.enum.includes(value) ? undefined : `${at}: ${String(value)}`
  const types = schema.type === undefined ? [] : [schema.type].flat()
  const type = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
  const fits = types.length === 0 || types.some((one) => one === type || (one === 'integer' && Number.isInteger(value)))
  if (!fits) return `${at}: a ${type} where ${types.join(' or ')} is due`
  if (Array.isArray(value))
    return value.map((item, i) => faultOf(item, schema.items, `${at}[${i}]`)).find((fault) => fault !== undefined)
  if (type !== 'object') return undefined
  const members = value as Record<string, unknown>
  const missing = (schema.required ?? []).find((name) => !Object.hasOwn(members, name))
  if (missing !== undefined) return `${at}.${missing} is missing`
  return Object.entries(schema.properties ?? {})
    .filter(([name]) => members[name] !== undefined)
    .map(([name, inner]) => faultOf(members[name], inner, `${at}.${name}`))
    .find((fault) => fault !== undefined)
}

/** As JSON, or as a form sends its fields. */
function bodyIn(media: string, value: unknown): string {
  if (media === 'application/json') return JSON.stringify(value) ?? ''
  if (typeof value !== 'object' || value === null) return textOf(value)
  return new URLSearchParams(
    Object.entries(value).map(([name, one]) => [name.toWellFormed(), textOf(one).toWellFormed()]),
  ).toString()
}

const problemCodes = new Set<number>([400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 426, 429, 501])

async function check(
  { method, path, operation }: (typeof operations)[number],
  input: { readonly parameters: readonly unknown[]; readonly body: unknown },
  headers: Record<string, string>,
) {
  const parameters = operation.parameters ?? []
  let filled = path
  const query = new URLSearchParams()
  for (const [i, { name, in: where }] of parameters.entries()) {
    const value = input.parameters[i]
    if (where === 'path')
      filled = filled.replace(`{${name}}`, encodeURIComponent(textOf(value).toWellFormed()) || '%20')
    if (where === 'query' && value !== undefined) query.set(name, textOf(value).toWellFormed())
  }
  const [media = 'application/json'] = Object.keys(operation.requestBody?.content ?? {})
  const body = input.body === undefined ? undefined : bodyIn(media, input.body)
  const answer = await server.send({
    method,
    path: query.size > 0 ? `${filled}?${query}` : filled,
    headers: {
      ...headers,
      ...(body === undefined ? {} : { 'content-type': media, 'content-length': String(Buffer.byteLength(body)) }),
    },
    ...(body === undefined ? {} : { body }),
  })
  const said = `${method} ${filled}?${query} ${body ?? ''} -> ${answer.status} ${answer.text.slice(0, 400)}`
  if (answer.status >= 200 && answer.status < 300) {
    const due = operation.responses[String(answer.status)]
    assert.ok(due !== undefined, `an answer that is not in the document: ${said}`)
    const schema = due.content?.['application/json']?.schema
    if (schema !== undefined) assert.equal(faultOf(JSON.parse(answer.text), schema), undefined, said)
    return answer.status
  }
  if (answer.status === 302 || answer.status === 303) return answer.status
  assert.ok(problemCodes.has(answer.status), said)
  assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json/, said)
  const problem = JSON.parse(answer.text) as Record<string, unknown>
  assert.equal(problem.status, answer.status, said)
  assert.match(String(problem.request_id), /^req_[0-9a-f]{24}$/, said)
  return answer.status
}

test('API-1: whatever is sent, the answer is one of the document, and never a fault of ours', async (t) => {
  for (const row of operations) {
    await t.test(row.operation.operationId, async () => {
      const parameters = fc.tuple(
        ...(row.operation.parameters ?? [])
          .filter(({ in: where }) => where !== 'header')
          .map(({ schema, required }) => (required ? someOf(schema) : fc.option(someOf(schema), { nil: undefined }))),
      )
      const [{ schema } = {}] = Object.values(row.operation.requestBody?.content ?? {})
      const body = schema === undefined ? fc.constant(undefined) : someOf(schema)
      await fc.assert(
        fc.asyncProperty(
          fc.record({ parameters, body }),
          async (input) => void (await check(row, input, { authorization: `Bearer ${tokenFor(row.operation)}` })),
        ),
        { numRuns: 40 },
      )
    })
  }
})

test('bytes that are no request of HTTP, JSON or UTF-8 are refused, and the server serves on', async () => {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  for (const body of [
    '{',
    '[[[[',
    `${'['.repeat(50_000)}`,
    '"\ud800"',
    '{"name":1,"name":2}',
    Buffer.from([0xff, 0xfe, 0x00]),
    'x'.repeat(1_100_000),
  ]) {
    const { status } = await server.send({ method: 'POST', path: '/api/v1/tokens', headers, body })
    assert.ok(status === 400 || status === 413, `${status}`)
  }
  for (const path of [
    '/api/v1/%',
    '/api/v1/tokens/%E0%A4%A',
    `/${'a'.repeat(9000)}`,
    '//',
    '/api/v1/../../etc/passwd',
    '/%2e%2e/%2e%2e/etc/passwd',
  ]) {
    const { status } = await server.send({ method: 'GET', path, headers })
    assert.ok(status >= 400 && status < 500, `${path.slice(0, 40)}: ${status}`)
  }
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'application/json; charset=utf-16',
  ])
    assert.ok(
      [400, 415].includes(
        (
          await server.send({
            method: 'POST',
            path: '/api/v1/tokens',
            headers: { ...headers, 'content-type': type },
            body: '{}',
          })
        ).status,
      ),
      type,
    )
  assert.equal((await server.send({ method: 'GET', path: '/api/v1/roles', headers })).status, 200)
})
