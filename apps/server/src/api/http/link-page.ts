// SPDX-License-Identifier: Apache-2.0
// The page of a one-time link: it says what the link is for, and its button uses it. Whatever merely opens links (scanners of
// mail, previews, a browser that looks ahead) uses nothing up.

import { roleTitle } from '@sealwatch/contract/role-title'
import type { ShownLink } from '../../access/index.ts'
import { escaped, type Look, pageOf } from './page.ts'

/** Nothing runs, and what it sends goes to us alone. A button that says no origin would be refused, and no address is told. */
export const linkPageHeaders = {
  'content-security-policy':
    "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'referrer-policy': 'strict-origin',
} as const

export const linkPath = '/auth/link'

type Said = { readonly title: string; readonly what: string; readonly button: string }

/** `titleOf`: what people call a tenant. */
export function drawLink(link: ShownLink, code: string, titleOf: (tenant: string) => string, look: Look): string {
  const { title, what, button } = said(link, titleOf)
  const { expiresAt, asksProvider, displaces } = link
  return pageOf(title, look, [
    `<p class="next">${escaped(what)}</p>`,
    asksProvider ? '<p>The provider by which people sign in here asks who you are first.</p>' : '',
    displaces ? '<p>Somebody is signed in in this browser: that session ends.</p>' : '',
    `<form method="post" action="${linkPath}" autocomplete="off">`,
    `<input type="hidden" name="code" value="${escaped(code)}">`,
    `<button class="button first" type="submit">${button}</button>`,
    '</form>',
    `<p>Good once, until <time datetime="${escaped(expiresAt)}">${escaped(expiresAt.slice(11, 19))} UTC</time>.</p>`,
    '<small>Nothing has happened yet. If you did not expect this link, close the page.</small>',
  ])
}

function said({ kind, name, grants, minutes, asksProvider }: ShownLink, titleOf: (tenant: string) => string): Said {
  const roles = grants.map(({ tenant, role }) => `${roleTitle(role)} of ${where(tenant, titleOf)}`).join(' and ')
  if (kind === 'break_glass')
    return {
      title: 'Emergency access',
      what: `It is for ${name}, as ${roles}, for ${minutes} minutes at most. Using it is a critical alert.`,
      button: 'Use emergency access',
    }
  if (kind === 'invite')
    return {
      title: `You are invited to ${where(grants[0]?.tenant ?? '', titleOf)}`,
      what: `${name} becomes ${roles}.`,
      button: 'Accept and sign in',
    }
  const who = asksProvider ? 'It is for whoever runs this server' : `It signs you in as ${name}`
  return { title: 'Sign in to Sealwatch', what: roles === '' ? `${who}.` : `${who}: ${roles}.`, button: 'Sign in' }
}

const where = (tenant: string, titleOf: (tenant: string) => string) =>
  tenant === 'cluster' ? 'the deployment' : titleOf(tenant)

/**
 * On to the provider, or to the dashboard. A redirect would be the form's, and browsers keep those to the place that the
 * form may send to (CSP `form-action`), which a provider is not.
 */
export const drawOnward = (url: string, look: Look): string =>
  pageOf(
    'One moment',
    look,
    ['<p>You are being signed in.</p>', `<a class="button" href="${escaped(url)}">Go on</a>`],
    `<meta http-equiv="refresh" content="0; url=${escaped(url)}">`,
  )
