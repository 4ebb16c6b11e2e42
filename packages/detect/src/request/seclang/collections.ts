// SPDX-License-Identifier: Apache-2.0

import type { RequestContext } from '../context.ts'
import { headerNamed } from '../decode/headers.ts'
import { decodePercent } from '../decode/percent.ts'
import type { DecodedRequest } from '../decode/request.ts'
import type { Source } from '../decode/values.ts'
import type { SignalKind } from '../signals.ts'
import type { Bits } from './bits.ts'

/** One thing that rules look at. What is found out about its text is kept beside it, for many rules ask. */
export type Item = {
  readonly collection: string
  readonly name: string
  /** The name in lower case. */
  readonly key: string
  readonly text: string
  /** Its text after each chain of transformations, by the chain's number. */
  forms: (string | undefined)[] | undefined
  /** Of the rules that the prefilter is asked about, those that may match its text or a form of it. Kept beyond the request. */
  may: Bits | undefined
}

export const newItem = (collection: string, name: string, text: string): Item => ({
  collection,
  name,
  key: name.toLowerCase(),
  text,
  forms: undefined,
  may: undefined,
})

/** Collections with many items, and of what sources they are made. */
const joined: Readonly<Record<string, readonly Source[]>> = {
  ARGS: ['ARGS_GET', 'ARGS_POST'],
  ARGS_NAMES: ['ARGS_GET_NAMES', 'ARGS_POST_NAMES'],
  ARGS_GET: ['ARGS_GET'],
  ARGS_GET_NAMES: ['ARGS_GET_NAMES'],
  ARGS_POST: ['ARGS_POST'],
  ARGS_POST_NAMES: ['ARGS_POST_NAMES'],
  FILES: ['FILES'],
  FILES_NAMES: ['FILES_NAMES'],
  MULTIPART_FILENAME: ['FILES'],
  MULTIPART_NAME: ['FILES_NAMES'],
  MULTIPART_PART_HEADERS: ['MULTIPART_PART_HEADERS'],
  REQUEST_COOKIES: ['REQUEST_COOKIES'],
  REQUEST_COOKIES_NAMES: ['REQUEST_COOKIES_NAMES'],
  REQUEST_FILENAME: ['REQUEST_FILENAME'],
  REQUEST_HEADERS: ['REQUEST_HEADERS'],
  XML: ['XML'],
}

type Derive = (context: RequestContext, decoded: DecodedRequest) => string

const target = ({ path, query }: RequestContext) => (query === '' ? path : `${path}?${query}`)
const protocol = ({ version }: RequestContext) => `HTTP/${version}`
const has =
  (kind: SignalKind): Derive =>
  (_, { signals }) =>
    signals.some((signal) => signal.kind === kind) ? '1' : '0'
const lastStep = (path: string) => path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1)
const size =
  (wanted: readonly Source[]): Derive =>
  (_, { values }) =>
    String(values.reduce((sum, { source, text }) => (wanted.includes(source) ? sum + text.length : sum), 0))

/** Variables that are one text each. */
const single: Readonly<Record<string, Derive>> = {
  ARGS_COMBINED_SIZE: size(['ARGS_GET', 'ARGS_POST', 'ARGS_GET_NAMES', 'ARGS_POST_NAMES']),
  AUTH_TYPE: ({ headers }) => /^\S*/.exec(headerNamed(headers, 'authorization') ?? '')?.[0] ?? '',
  FILES_COMBINED_SIZE: (_, { fileBytes }) => String(fileBytes),
  MULTIPART_STRICT_ERROR: has('malformed-multipart'),
  MULTIPART_UNMATCHED_BOUNDARY: () => '0',
  PATH_INFO: ({ path }) => path,
  QUERY_STRING: ({ query }) => query,
  REMOTE_ADDR: ({ address }) => address,
  REMOTE_USER: ({ user }) => user ?? '',
  REQBODY_ERROR: (_, { signals }) =>
    signals.some(({ kind }) => /^malformed-(?:json|xml|multipart)$/.test(kind)) ? '1' : '0',
  REQBODY_ERROR_MSG: () => '',
  REQBODY_PROCESSOR: (_, { processor }) => processor,
  REQBODY_PROCESSOR_ERROR: (_, { signals }) =>
    signals.some(({ kind }) => /^malformed-(?:json|xml)$/.test(kind)) ? '1' : '0',
  REQUEST_BASENAME: ({ path }) => lastStep(decodePercent(path)),
  REQUEST_BODY: (_, { rawBody }) => rawBody,
  REQUEST_BODY_LENGTH: ({ body }) => String(body.length),
  REQUEST_LINE: (context) => `${context.method} ${target(context)} ${protocol(context)}`,
  REQUEST_METHOD: ({ method }) => method,
  REQUEST_PROTOCOL: protocol,
  REQUEST_URI: (context) => decodePercent(target(context)),
  REQUEST_URI_RAW: target,
  SERVER_NAME: ({ headers }) => (headerNamed(headers, 'host') ?? '').replace(/:\d*$/, ''),
  UNIQUE_ID: () => '',
}

/** Kept by the evaluation itself, or by nobody here: those are empty. */
const own = new Set([
  'TX',
  'MATCHED_VAR',
  'MATCHED_VARS',
  'MATCHED_VAR_NAME',
  'MATCHED_VARS_NAMES',
  'REQUEST_HEADERS_NAMES',
])
const absent = new Set([
  'DURATION',
  'ENV',
  'FILES_SIZES',
  'FILES_TMPNAMES',
  'FILES_TMP_CONTENT',
  'GEO',
  'GLOBAL',
  'IP',
  'RESOURCE',
  'RULE',
  'SESSION',
  'SESSIONID',
  'USER',
  'USERID',
  'WEBSERVER_ERROR_LOG',
  'TIME',
  'TIME_EPOCH',
])

export const isCollection = (name: string): boolean =>
  Object.hasOwn(joined, name) || Object.hasOwn(single, name) || own.has(name) || absent.has(name)

/** Collections whose texts are the request's and stay as they are while rules run. */
export const ofRequest = (name: string): boolean =>
  Object.hasOwn(joined, name) || Object.hasOwn(single, name) || name === 'REQUEST_HEADERS_NAMES'

/** Of which collections of `phase` a joined one is made: a body is not read before the second phase. */
const readIn = (source: Source, phase: number) => phase > 1 || !/^(?:ARGS_POST|FILES|XML|MULTIPART)/.test(source)

export type RequestView = {
  /** What a collection of the request holds in a phase. */
  itemsOf(collection: string, phase: number): readonly Item[]
}

export function viewOf(context: RequestContext, decoded: DecodedRequest): RequestView {
  const sources = new Map<string, Item[]>()
  for (const { source, name, text, inside } of decoded.values) {
    if (inside !== undefined) continue
    const item = newItem(source, name, text)
    const known = sources.get(source)
    if (known === undefined) sources.set(source, [item])
    else known.push(item)
  }
  const early = new Map<string, readonly Item[]>()
  const late = new Map<string, readonly Item[]>()
  const derive = (collection: string, phase: number): readonly Item[] => {
    const from = joined[collection]
    if (from !== undefined) {
      const [only, ...others] = from.filter((source) => readIn(source, phase))
      if (only === undefined) return []
      const first = sources.get(only) ?? []
      return others.length === 0 ? first : [first, ...others.map((source) => sources.get(source) ?? [])].flat()
    }
    // They are the same in each phase, and what is found out about them is.
    const other = (phase > 1 ? early : late).get(collection)
    if (other !== undefined) return other
    if (collection === 'REQUEST_HEADERS_NAMES')
      return context.headers.map(([name]) => newItem(collection, name.toLowerCase(), name))
    const of = single[collection]
    return of === undefined ? [] : [newItem(collection, '', of(context, decoded))]
  }
  return {
    itemsOf(collection, phase) {
      const made = phase > 1 ? late : early
      let items = made.get(collection)
      if (items === undefined) {
        items = derive(collection, phase)
        made.set(collection, items)
      }
      return items
    },
  }
}

/** Which sources, or single variables, a rule's collection is made of. */
export function partsOf(collection: string): readonly string[] {
  return joined[collection] ?? [collection]
}
