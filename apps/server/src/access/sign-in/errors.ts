// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

const again = 'Sign in again'

export const signInErrors = {
  SESSION_NONE: {
    kind: 'unverified',
    rule: 'a person asks within a session that lives: at most 12 hours old, used within the last 30 minutes unless set otherwise',
    advice: again,
  },
  SESSION_UNKNOWN: {
    kind: 'not_found',
    rule: 'a person ends their own sessions',
    advice: 'GET /api/v1/session lists them',
  },
  SESSIONS_TOO_MANY: {
    kind: 'exhausted',
    rule: 'at most 20,000 sessions live at a time',
    advice: 'Wait until some end, or shorten SEALWATCH_SERVER_SESSION_IDLE_MINUTES',
  },
  TENANT_NOT_HELD: {
    kind: 'denied',
    rule: 'a session acts in one tenant, in which the person holds a role',
    advice: 'Ask an admin of that tenant for a role',
  },
  LOGIN_FOREIGN: {
    kind: 'unverified',
    rule: "the provider's answer is to a log-in that this very browser began within the last 10 minutes, and counts once",
    advice: `${again}, in one window, and with cookies allowed`,
  },
  LOGIN_UNPROVEN: {
    kind: 'unverified',
    rule: 'an ID token is signed by a key of the provider, for this client and this log-in, and is valid now (docs/sign-in.md)',
    advice: `${again}; if it fails each time, compare the clocks, and issuer and client id with those of the provider`,
  },
  LOGIN_DECLINED: {
    kind: 'denied',
    rule: 'the provider lets the person in',
    advice: 'Ask whoever runs the provider; its own log says why',
  },
  LOGIN_WITHOUT_ROLE: {
    kind: 'denied',
    rule: 'whoever signs in holds a role in some tenant',
    advice: 'Ask an admin for one; the person is now known by the id named here',
  },
  LOGIN_TOO_OFTEN: {
    kind: 'exhausted',
    rule: 'an address, and a person, signs in a few times a minute',
    advice: 'Try again in a moment',
  },
  LOGIN_RETURN: {
    kind: 'invalid',
    rule: 'where a log-in leads is a path of the dashboard, of at most 512 characters',
    advice: 'Begin with / and name no host',
  },
  LOGIN_NO_PROVIDER: {
    kind: 'not_found',
    rule: 'people sign in through an OpenID Connect provider',
    advice: 'Set SEALWATCH_SERVER_OIDC_ISSUER and its companions (docs/sign-in.md), or start with `sealwatch up`',
  },
  PROVIDER_UNAVAILABLE: {
    kind: 'unavailable',
    rule: 'the provider answers within 10 seconds',
    advice: 'Try again in a moment; if it goes on, see the log of the server and the state of the provider',
  },
  PROVIDER_UNFIT: {
    kind: 'unavailable',
    rule: 'the provider is the issuer that is set, and its endpoints are of the origins that are set',
    advice: 'Compare SEALWATCH_SERVER_OIDC_ISSUER with the issuer that its discovery document names (docs/sign-in.md)',
  },
  PROVIDER_SETTINGS: {
    kind: 'invalid',
    rule: 'the issuer is an https URL, or an http one of this machine, and comes with a client id',
    advice: 'docs/sign-in.md shows the settings for each provider',
  },
  PERSON_DISABLED: {
    kind: 'denied',
    rule: 'whoever was disabled does not sign in',
    advice: 'A cluster admin can enable the person again',
  },
  PERSON_UNKNOWN: {
    kind: 'not_found',
    rule: 'the person has signed in once',
    advice: 'List people to see their ids',
  },
  PEOPLE_TOO_MANY: {
    kind: 'exhausted',
    rule: 'at most 50,000 people are known',
    advice: 'Let the provider admit fewer to this client',
  },
  INVITATION_UNKNOWN: {
    kind: 'not_found',
    rule: 'what is withdrawn is an invitation of this tenant that nobody has come by yet',
    advice: '`sealwatch member invites` lists them; whoever came already: `sealwatch member revoke`',
  },
  LINK_UNKNOWN: {
    kind: 'denied',
    rule: 'a log-in link is one that this deployment made',
    advice: 'Make one on the server: sudo ./sealwatch login',
  },
  LINK_OVER: {
    kind: 'denied',
    rule: 'a log-in link is good for 10 minutes, and once',
    advice: 'Make a new one on the server: sudo ./sealwatch login',
  },
  LINK_FOREIGN: {
    kind: 'denied',
    rule: 'a log-in link is used by the button of its own page alone',
    advice: 'Open the link in a browser, and press the button there',
  },
  LINK_NAME: {
    kind: 'invalid',
    rule: 'whoever a link is for is called by 1 to 64 printable characters',
    advice: 'Give a name by which they are known; it is for display alone',
  },
  LINK_PERSON: {
    kind: 'conflict',
    rule: 'a link is made for people of the built-in provider; all others sign in at their own',
    advice: 'Let them sign in there, and grant them roles',
  },
  GROUP_NAME: {
    kind: 'invalid',
    rule: 'a group is 1 to 256 printable characters, as the provider writes it in its claim',
    advice: 'Copy it from there: of Entra ID it is an object id',
  },
  LINKS_TOO_MANY: {
    kind: 'exhausted',
    rule: 'of a tenant at most 200 log-in links of a kind are open at a time, and 100 that the same one made',
    advice: 'Use the open ones, or wait 10 minutes',
  },
  BREAK_GLASS_UNKNOWN: {
    kind: 'not_found',
    rule: 'what is acknowledged is break-glass access that was opened',
    advice: '`sealwatch status` lists what waits for it',
  },
  BREAK_GLASS_OWN: {
    kind: 'denied',
    rule: 'whoever came by break-glass access does not acknowledge it',
    advice: 'Let somebody else look at it, or root: sudo ./sealwatch break-glass acknowledge ID',
  },
  BREAK_GLASS_REASON: {
    kind: 'invalid',
    rule: 'break-glass access has a reason of 10 to 500 characters',
    advice: 'Say what happened, for whoever reads the alert',
  },
} as const satisfies ErrorTable

export const signInError = errorsOf(signInErrors)
