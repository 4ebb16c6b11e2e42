// SPDX-License-Identifier: Apache-2.0

import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { SealwatchError } from '@sealwatch/base'
import type { z } from 'zod'
import type { Action, Authorised, Principal } from '../../access/index.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** Who asks, as far as that is known before the gate: what a session, a token or the control socket says. */
export type Caller = {
  readonly principal: Principal
  /** The one tenant that the request acts in. */
  readonly tenant: string
  /** Known, and yet something that came with the request is wrong: it goes no further. */
  readonly refused?: SealwatchError | undefined
}

export type RequestFacts = {
  readonly requestId: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Names and values as they came, each as often as it came. */
  readonly rawHeaders: readonly string[]
  /** Of whoever asks; undefined on the control socket. */
  readonly address: string | undefined
  /** Fires when the client is gone. */
  readonly signal: AbortSignal
}

/** An answer that is more than its body. */
export class Answer<T> {
  readonly body: T
  readonly status: number | undefined
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  constructor(body: T, more: { status?: number; headers?: Record<string, string | readonly string[]> } = {}) {
    this.body = body
    this.status = more.status
    this.headers = more.headers ?? {}
  }
}

/** An answer that is no answer: the socket goes on in another protocol. */
export class Upgrade {
  readonly accept: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
  constructor(accept: Upgrade['accept']) {
    this.accept = accept
  }
}

/** A request of which nothing but its headers was read. */
export type Coming = {
  /** How much of a body there is to come, at most. */
  readonly bytes: number
  /** Ends the connection behind the answer. */
  readonly close: () => void
  /** Calls back when it is answered, or its client gone. */
  readonly onGone: (listener: () => void) => void
}

type Out<S> = S extends z.ZodType ? z.output<S> : undefined
type In<S> = S extends z.ZodType ? z.input<S> : unknown
/** What is only going to be written down may be read-only. */
type Given<T> = T extends readonly (infer U)[]
  ? readonly Given<U>[]
  : T extends object
    ? { readonly [K in keyof T]: Given<T[K]> }
    : T
type Result<R> = Promise<Given<In<R>> | Answer<Given<In<R>>>>

/** What a body may be at most, in bytes and in values of JSON: a larger one is refused before it is parsed. */
export type BodyMax = { readonly bytes: number; readonly values: number }
export const bodyMaxUsual: BodyMax = { bytes: 16 * 1024, values: 256 }
export const bodyMaxText = ({ bytes, values }: BodyMax) => `${inWords(bytes)} bytes and ${inWords(values)} values`
const inWords = (count: number) => count.toLocaleString('en-US')

type Shape<P, Q, B, R> = {
  readonly method: Method
  /** With `{name}` for parameters. */
  readonly path: `/${string}`
  /** Names the operation for clients: "listTokens". */
  readonly id: string
  readonly summary: string
  /** The room it belongs to, as documents group it. */
  readonly tag: string
  readonly params?: P
  readonly query?: Q
  readonly body?: B
  /** Where it may be more than `bodyMaxUsual`. */
  readonly bodyMax?: BodyMax
  /** Of the body of a good answer. Undefined: there is none (204), or it is not JSON (`media`). */
  readonly answer?: R
  /** Of a good answer; 200 unless told. */
  readonly status?: number
  readonly media?: string
  /** Codes of errors that are to be expected, besides those that any route may answer. */
  readonly errors?: readonly string[]
  /** Of one tenant at once: for what takes long. */
  readonly atOnceMax?: number
  /** The answer shows a secret this once: it is not kept for whoever repeats the request. */
  readonly showsSecret?: boolean
  /** The body is what a form of our own pages sends, and not JSON. */
  readonly isForm?: boolean
}

type Input<P, Q, B> = {
  readonly params: Out<P>
  readonly query: Out<Q>
  readonly body: Out<B>
  readonly request: RequestFacts
}

declare const made: unique symbol
type Made = Shape<z.ZodType, z.ZodType, z.ZodType, z.ZodType> & { readonly [made]: true }
type Any = { readonly params: unknown; readonly query: unknown; readonly body: unknown; readonly request: RequestFacts }
/**
 * Lets a request in by the bounds of the room behind it, in the place of the door's own for a tenant. What it resolves with is
 * called when the request is answered; it throws what the answer is else.
 */
export type Begin = (by: Authorised, request: Coming) => Promise<() => void>
/** Nothing else is served: whoever leaves the gate out has no route. */
export type Route = Made &
  (
    | { readonly action: Action; readonly begin?: Begin; handle(by: Authorised, input: Any): Promise<unknown> }
    | { readonly self: string; handle(caller: Caller, input: Any): Promise<unknown> }
    | { readonly open: string; handle(input: Any): Promise<unknown> }
  )

type Schema = z.ZodType | undefined

/** One that leads through the gate. */
export function route<
  const A extends Action,
  P extends Schema = undefined,
  Q extends Schema = undefined,
  B extends Schema = undefined,
  R extends Schema = undefined,
>(
  spec: Shape<P, Q, B, R> & {
    readonly action: A
    begin?(by: Authorised<A>, request: Coming): ReturnType<Begin>
    handle(by: Authorised<A>, input: Input<P, Q, B>): Result<R>
  },
): Route {
  return spec as unknown as Route
}

/** One that concerns the caller's own session alone; `self` says what of it. */
export function selfRoute<
  P extends Schema = undefined,
  Q extends Schema = undefined,
  B extends Schema = undefined,
  R extends Schema = undefined,
>(
  spec: Shape<P, Q, B, R> & { readonly self: string; handle(caller: Caller, input: Input<P, Q, B>): Result<R> },
): Route {
  return spec as unknown as Route
}

/** One that needs no principal; `open` says why. */
export function openRoute<
  P extends Schema = undefined,
  Q extends Schema = undefined,
  B extends Schema = undefined,
  R extends Schema = undefined,
>(spec: Shape<P, Q, B, R> & { readonly open: string; handle(input: Input<P, Q, B>): Result<R> }): Route {
  return spec as unknown as Route
}
