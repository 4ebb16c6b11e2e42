// SPDX-License-Identifier: Apache-2.0

import { type ApiClient, ApiProblem, createApiClient } from '@sealwatch/contract/api'

/** What must come with every request of a session. */
export type Pass = { readonly tenant: string; readonly csrf: string | null }

export type Door = ApiClient & {
  /** From now on, requests act in this tenant; one that the session has left is refused. Undefined: whichever it is in. */
  carry(pass: Pass | undefined): void
}

export function openDoor(): Door {
  let pass: Pass | undefined
  const client = createApiClient(
    async ({ method, path, headers, body }) => {
      const response = await fetch(path, { method, headers: { ...headers }, body: body ?? null, redirect: 'error' })
      return { status: response.status, headers: response.headers, text: await response.text() }
    },
    () => ({
      ...(pass === undefined ? {} : { 'sealwatch-tenant': pass.tenant }),
      ...(pass?.csrf == null ? {} : { 'sealwatch-csrf': pass.csrf }),
    }),
  )
  return {
    ...client,
    carry: (next) => {
      pass = next
    },
  }
}

export const isProblem = (error: unknown, ...codes: readonly string[]): error is ApiProblem =>
  error instanceof ApiProblem && (codes.length === 0 || codes.includes(error.problem.code))

/** The server did not answer at all. */
export const isUnreachable = (error: unknown): boolean => error instanceof TypeError
