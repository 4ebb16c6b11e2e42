// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Clock, type Log, messageOf } from '@sealwatch/base'
import { exportJWK, generateKeyPair } from 'jose'
import { interactionPolicy, Provider } from 'oidc-provider'
import { type Guest, readHint } from './hint.ts'
import { memoryAdapter } from './memory-adapter.ts'
import { page, pageHeaders } from './page.ts'

export type DevProviderOptions = {
  /** http://127.0.0.1:PORT */
  readonly issuer: string
  /** Of the dashboard. */
  readonly origin: string
  readonly clientSecret: string
  readonly clock: Clock
  readonly log: Log
}

/** As the server names itself (apps/server/src/access/sign-in/settings.ts). */
export const clientId = 'sealwatch-built-in'
const scopes = ['openid', 'profile', 'email'] as const
const stepSeconds = 60
const sessionCookie = 'sealwatch-dev-login'
/** Names that are remembered between the steps of a log-in. */
const guestsMax = 1_000

/**
 * The provider of one machine. It knows nobody by itself: who signs in is whom the server's link was made for, each time
 * anew, and there is nothing to agree to, for its one client is the server.
 */
export async function createDevProvider(
  options: DevProviderOptions,
): Promise<(request: IncomingMessage, response: ServerResponse) => Promise<void>> {
  const { issuer, origin, clientSecret, clock, log } = options
  const guests = new Map<string, Guest>()
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const key = { ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig', kid: randomBytes(8).toString('hex') }
  const provider = new Provider(issuer, {
    adapter: memoryAdapter(clock),
    jwks: { keys: [key] },
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: [`${origin}/auth/callback`],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    scopes,
    claims: { openid: ['sub'], profile: ['name'], email: ['email'] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    cookies: {
      keys: [randomBytes(32).toString('hex')],
      names: { session: sessionCookie, interaction: 'sealwatch-dev-step', resume: 'sealwatch-dev-resume' },
    },
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      resourceIndicators: { enabled: false },
    },
    ttl: {
      AccessToken: stepSeconds,
      AuthorizationCode: stepSeconds,
      Grant: stepSeconds,
      IdToken: stepSeconds,
      Interaction: stepSeconds,
      Session: stepSeconds,
    },
    interactions: { policy: byLinkAlone(), url: (_ctx, { uid }) => `/interaction/${uid}` },
    findAccount: (_ctx, sub) => {
      const guest = guests.get(sub)
      if (guest === undefined) return undefined
      return { accountId: sub, claims: async () => ({ sub, name: guest.name }) }
    },
    loadExistingGrant: async (ctx) => {
      const { client, session } = ctx.oidc
      if (client === undefined || session?.accountId === undefined) return undefined
      const grant = new ctx.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId })
      grant.addOIDCScope(scopes.join(' '))
      await grant.save()
      return grant
    },
    renderError: async (ctx, out) => {
      ctx.set(pageHeaders)
      const detail = [out.error, out.error_description ?? ''].filter((text) => text !== '').join(': ')
      const rows = ['The way here was cut short, or came from elsewhere. Another link begins anew.']
      ctx.body = page({ title: 'Signing in did not work', rows, command: anotherLink, origin, detail })
    },
  })
  provider.on('server_error', (_ctx, error) => log.error(`the provider failed: ${messageOf(error)}`, { error }))
  const answer = provider.callback()

  /** The one question that a log-in has: who? */
  async function interact(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { params } = await provider.interactionDetails(request, response)
    const { login_hint: hint, state } = params
    const guest = await readHint(hint, { issuer, state, secret: clientSecret, clock })
    guests.delete(guest.subject)
    guests.set(guest.subject, guest)
    for (const oldest of guests.keys()) {
      if (guests.size <= guestsMax) break
      guests.delete(oldest)
    }
    log.info('a link leads somebody in', { subject: guest.subject })
    const login = { accountId: guest.subject, remember: false }
    await provider.interactionFinished(request, response, { login }, { mergeWithLastSubmission: false })
  }

  return async (request, response) => {
    // Whoever makes a name of theirs lead here (DNS rebinding) asks under that name.
    if (request.headers.host !== new URL(issuer).host) {
      response.writeHead(421).end()
      return
    }
    request.headers.cookie = withoutSession(request.headers.cookie)
    if (!(request.url ?? '').startsWith('/interaction/')) return answer(request, response)
    try {
      await interact(request, response)
    } catch (error) {
      log.warn('nobody is let in', { error })
      const rows = [
        'This provider comes with Sealwatch, for trying it out. It asks for no password, and knows nobody by name: who a link was made for is who signs in.',
      ]
      response
        .writeHead(403, pageHeaders)
        .end(page({ title: 'A link signs you in', rows, command: anotherLink, origin }))
    }
  }
}

/** Whoever was here before is nobody now: the next link may be for somebody else. */
const withoutSession = (cookies: string | undefined): string | undefined =>
  cookies
    ?.split(/; */)
    .filter((pair) => !pair.startsWith(sessionCookie))
    .join('; ')

const anotherLink = 'sudo ./sealwatch login'

/** Whoever was here before is asked again, as is everybody else. */
function byLinkAlone(): interactionPolicy.DefaultPolicy {
  const policy = interactionPolicy.base()
  policy.remove('consent')
  const check = new interactionPolicy.Check(
    'by_link',
    'a link says who signs in',
    (ctx) => ctx.oidc.result?.login === undefined,
  )
  policy.get('login')?.checks.add(check)
  return policy
}
