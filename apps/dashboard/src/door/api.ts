// SPDX-License-Identifier: Apache-2.0

import { type ApiClient, ApiProblem, type ApiRequest, createApiClient, type Operations } from '@sealwatch/contract/api'
import type { Attention } from '../model/attention.ts'

export type SessionView = Operations['getSession']['answer']

export type Door = ApiClient & {
  /** Who asks. From then on, requests act in the tenant that this names; one that the session has left is refused. */
  readSession(): Promise<SessionView>
}

/** What the page asks by itself says so, so that a page that nobody sits at keeps no session. */
const background = { 'sealwatch-background': '1' }

export function openDoor({ told }: Pick<Attention, 'told'>): Door {
  let view: SessionView | undefined
  const send = async ({ method, path, headers: asked, body }: ApiRequest) => {
    const headers = { ...asked, ...(told() ? {} : background) }
    const response = await fetch(path, { method, headers, body: body ?? null, redirect: 'error' })
    return { status: response.status, headers: response.headers, text: await response.text() }
  }
  const client = createApiClient(send, () => ({
    ...(view === undefined ? {} : { 'sealwatch-tenant': view.tenant }),
    ...(view?.csrf_token == null ? {} : { 'sealwatch-csrf': view.csrf_token }),
  }))
  const stranger = createApiClient(send, () => ({}))
  return {
    ...client,
    readSession: async () => {
      view = await stranger.call('getSession')
      return view
    },
  }
}

export const isProblem = (error: unknown, ...codes: readonly string[]): error is ApiProblem =>
  error instanceof ApiProblem && (codes.length === 0 || codes.includes(error.problem.code))

/** The server did not answer at all. */
export const isUnreachable = (error: unknown): boolean => error instanceof TypeError

/** What the API says about one part of what was sent: `body.name`. */
export const problemOf = (error: unknown, at: string): string | undefined =>
  isProblem(error) ? error.problem.problems?.find((problem) => problem.at === at)?.rule : undefined
