// SPDX-License-Identifier: Apache-2.0
// No node: imports: the dashboard asks with the same code as the command line.

import { type Operations, operations } from '../gen/api-operations.ts'

/** RFC 9457, as the API answers what went wrong. */
export type Problem = {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: string
  /** `rule` and `received` in one sentence. */
  readonly detail?: string
  readonly rule?: string
  readonly received?: string
  readonly advice?: string
  readonly request_id: string
  readonly problems?: readonly { readonly at: string; readonly rule: string }[]
}

export class ApiProblem extends Error {
  override readonly name = 'ApiProblem'
  readonly problem: Problem
  constructor(problem: Problem) {
    super([problem.title, problem.detail, problem.advice].filter((part) => part !== undefined).join('. '))
    this.problem = problem
  }
}

export type ApiRequest = {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}
export type ApiResponse = {
  readonly status: number
  readonly headers: { get(name: string): string | null }
  readonly text: string
}

/** Carries one request there and its answer back: fetch, or a Unix socket. */
export type Send = (request: ApiRequest) => Promise<ApiResponse>

type Input<Id extends keyof Operations> = Omit<Operations[Id], 'answer'> & {
  readonly headers?: Readonly<Record<string, string>>
}
type Optional<T> = Record<never, never> extends T ? [input?: T] : [input: T]

export type ApiClient = {
  /** Throws ApiProblem for every answer that is not good. */
  call<Id extends keyof Operations>(id: Id, ...input: Optional<Input<Id>>): Promise<Operations[Id]['answer']>
  /** The same, with the headers of the answer: an ETag, for one. */
  ask<Id extends keyof Operations>(
    id: Id,
    ...input: Optional<Input<Id>>
  ): Promise<{ readonly answer: Operations[Id]['answer']; readonly headers: ApiResponse['headers'] }>
}

/** `headers`: asked for at each request, for a token that may change. */
export function createApiClient(send: Send, headers: () => Readonly<Record<string, string>> = () => ({})): ApiClient {
  const ask = (async (id: keyof Operations, input: Loose = {}) => {
    const [method, path] = operations[id]
    const response = await send({
      method,
      path: pathOf(path, input),
      headers: {
        accept: 'application/json',
        ...(input.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers(),
        ...input.headers,
      },
      body: input.body === undefined ? undefined : JSON.stringify(input.body),
    })
    if (response.status < 200 || response.status > 299) throw new ApiProblem(problemIn(response))
    return { answer: answerIn(response), headers: response.headers }
  }) as ApiClient['ask']
  return {
    ask,
    call: (async (id: keyof Operations, input: never) => (await ask(id, input)).answer) as ApiClient['call'],
  }
}

type Loose = {
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, unknown>>
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

function pathOf(template: string, { params = {}, query = {} }: Loose): string {
  const path = template.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => encodeURIComponent(params[name] ?? ''))
  const search = new URLSearchParams(
    Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  ).toString()
  return search === '' ? path : `${path}?${search}`
}

function answerIn({ status, headers, text }: ApiResponse): unknown {
  if (status === 204 || text === '') return undefined
  return (headers.get('content-type') ?? '').startsWith('application/json') ? JSON.parse(text) : text
}

function problemIn({ status, text }: ApiResponse): Problem {
  try {
    const problem = JSON.parse(text) as Problem
    if (typeof problem.code === 'string' && typeof problem.title === 'string') return problem
  } catch {
    // Falls through: something that is not this API has answered.
  }
  return {
    type: 'about:blank',
    title: `An answer that is none of this API's (${status})`,
    status,
    code: 'NOT_THE_API',
    request_id: '',
  }
}
