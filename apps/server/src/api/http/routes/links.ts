// SPDX-License-Identifier: Apache-2.0

import { z } from 'zod'
import type { SignIn } from '../../../access/index.ts'
import { drawLink, drawOnward, linkPageHeaders, linkPath } from '../link-page.ts'
import { drawNoticeIn } from '../notice.ts'
import type { Look } from '../page.ts'
import { openRoute, type Route } from '../route.ts'
import { inBrowser, pageAnswer, pageMedia, visitOf } from './in-browser.ts'
import { errorsOfLogin } from './sign-in.ts'

const tag = 'sign-in'
const code = z.string().max(128).describe('What the link carries')
const errors = ['LINK_UNKNOWN', 'LINK_OVER', ...errorsOfLogin]

/** `titleOf`: what people call a tenant. */
export const linkRoutes = (
  { showLink, followLink }: Pick<SignIn, 'showLink' | 'followLink'>,
  titleOf: (tenant: string) => string,
  look: Look,
): Route[] => [
  openRoute({
    method: 'GET',
    path: linkPath,
    id: 'showLink',
    summary: 'What a one-time link is for, on a page whose button uses it; looking uses nothing up',
    tag,
    open: 'whoever holds the link is told what it is for',
    query: z.object({ code }),
    media: pageMedia,
    errors,
    handle: ({ query, request }) =>
      inBrowser(drawNoticeIn(look), request, async () => {
        const link = await showLink(visitOf(request), query.code)
        return pageAnswer(drawLink(link, query.code, titleOf, look), { headers: linkPageHeaders })
      }),
  }),
  openRoute({
    method: 'POST',
    path: linkPath,
    id: 'followLink',
    summary: 'Uses a one-time link: the button of its page, from our own origin alone',
    tag,
    open: 'the link is what proves who asks, or leads to the provider, which does',
    body: z.strictObject({ code }),
    bodyMax: { bytes: 256, values: 1 },
    isForm: true,
    media: pageMedia,
    errors: ['LINK_FOREIGN', ...errors],
    handle: ({ body, request }) =>
      inBrowser(drawNoticeIn(look), request, async () => {
        const { origin, 'sec-fetch-site': site } = request.headers
        const { redirect, cookies } = await followLink({ ...visitOf(request), whence: { origin, site } }, body.code)
        return pageAnswer(drawOnward(redirect, look), { headers: { 'set-cookie': cookies } })
      }),
  }),
]
