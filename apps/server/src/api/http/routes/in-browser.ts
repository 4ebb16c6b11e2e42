// SPDX-License-Identifier: Apache-2.0

import type { Sent, Visit } from '../../../access/index.ts'
import type { DrawNotice } from '../notice.ts'
import { problemOf, retryAfterOf } from '../problems.ts'
import { Answer, type RequestFacts } from '../route.ts'

export const pageMedia = 'text/html; charset=utf-8'

export const visitOf = ({ headers, address, requestId }: RequestFacts): Visit => ({
  cookies: headers.cookie as string | undefined,
  source: address ?? 'control socket',
  requestId,
})

/** What is sent with a route's `media` has no schema. */
export const pageAnswer = (page: string, more: ConstructorParameters<typeof Answer>[1] = {}): Answer<undefined> =>
  new Answer(page as unknown as undefined, more)

export const sentAnswer = ({ redirect, cookies }: Sent): Answer<undefined> =>
  new Answer(undefined, { headers: { location: redirect, 'set-cookie': cookies } })

/** A person looks at what comes of it: where something is wrong, at a page that says so, and how to go on. */
export async function inBrowser(
  drawNotice: DrawNotice,
  request: RequestFacts,
  work: () => Promise<Answer<undefined>>,
): Promise<Answer<undefined>> {
  try {
    return await work()
  } catch (error) {
    if (!String(request.headers.accept).includes('text/html')) throw error
    const problem = problemOf(error, request.requestId)
    return pageAnswer(drawNotice(problem), { status: problem.status, headers: retryAfterOf(error, problem) })
  }
}
