// SPDX-License-Identifier: Apache-2.0
// A page that says in plain words why a log-in led nowhere, and how to go on. Of a denial it tells no more than the API does
// (DET-5), and the same of every account.

import { toSeconds } from '@sealwatch/base'
import { escaped, type Look, pageOf } from './page.ts'
import type { Problem } from './problems.ts'

export type Notice = {
  readonly title: string
  /** What happened. */
  readonly what: string
  readonly next: readonly string[]
  /** What root runs. */
  readonly command?: { readonly before: string; readonly text: string }
}

const linkOver: Notice = {
  title: 'This link signs nobody in any more',
  what: 'A link works once, and for a few minutes. This one was used, or its time is over, or it was not copied whole.',
  next: ['Were you invited? Ask whoever sent it to you for another link.'],
  command: { before: 'Do you run this server? Make another one there:', text: 'sudo ./sealwatch login' },
}
const linkForeign: Notice = {
  title: 'This link was not used',
  what: 'A link is used by the button of its own page alone. What came here did not come from that page.',
  next: ['Open the link again, at the address that it has, and press the button there.'],
}
const notLetIn: Notice = {
  title: 'You were not let in',
  what: 'Whoever signs in here holds a role. With what you signed in by, nobody does at the moment.',
  next: ['Ask whoever administers Sealwatch for you, and tell them the request below.'],
}
const cameToNothing: Notice = {
  title: 'This log-in came to nothing',
  what: 'It took longer than ten minutes, began in another browser or window, or the page was opened a second time.',
  next: ['Sign in again, in one window, and with cookies allowed.'],
}
const tooOften: Notice = {
  title: 'Too many log-ins at once',
  what: 'An address, and a person, signs in a few times a minute.',
  next: ['Wait a moment, then sign in again.'],
}

const providerAway: Notice = {
  title: 'Nobody can sign in at the moment',
  what: 'The provider by which people sign in does not answer as it should.',
  next: ['Try again in a moment.', 'Do you run this server? If it goes on, its log says why, under the request below.'],
}
const noProvider: Notice = {
  title: 'Nobody can sign in here yet',
  what: 'This server was told of no provider by which people sign in.',
  next: ['Do you run it? docs/sign-in.md shows the settings; `sealwatch up` brings a provider of its own.'],
}

const notices: Readonly<Record<string, Notice>> = {
  LINK_OVER: linkOver,
  LINK_UNKNOWN: linkOver,
  LINK_FOREIGN: linkForeign,
  LOGIN_WITHOUT_ROLE: notLetIn,
  LOGIN_DECLINED: notLetIn,
  PERSON_DISABLED: notLetIn,
  LOGIN_FOREIGN: cameToNothing,
  LOGIN_UNPROVEN: cameToNothing,
  LOGIN_RETURN: cameToNothing,
  LOGIN_TOO_OFTEN: tooOften,
  PROVIDER_UNAVAILABLE: providerAway,
  PROVIDER_UNFIT: providerAway,
  LOGIN_NO_PROVIDER: noProvider,
}

const noticeOf = ({ title, code, detail, advice }: Problem): Notice =>
  notices[code] ?? {
    title,
    what: (detail && toSeconds(detail)) ?? 'It was not you: something here went wrong.',
    next: [advice ?? 'Try again in a moment.'],
  }

/** Draws a problem as such a page. */
export type DrawNotice = (problem: Problem) => string

export const drawNoticeIn =
  (look: Look): DrawNotice =>
  (problem) => {
    const { title, what, next, command } = noticeOf(problem)
    return pageOf(
      title,
      look,
      [
        `<p>${escaped(what)}</p>`,
        ...next.map((text) => `<p class="next">${escaped(text)}</p>`),
        command === undefined
          ? ''
          : `<p class="next">${escaped(command.before)}<br><code>${escaped(command.text)}</code></p>`,
        '<a class="button first" href="/auth/login">Sign in</a>',
        `<small>${[problem.title, problem.code, problem.request_id].map(escaped).join(' · ')}</small>`,
      ],
      look.theme,
    )
  }
