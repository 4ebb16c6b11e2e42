// SPDX-License-Identifier: Apache-2.0
// A certified provider (oidc-provider) over HTTP, whose answers a test may spoil.

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { Provider } from 'oidc-provider'

export type Account = {
  readonly sub: string
  readonly name?: string
  readonly email?: string
  readonly groups?: unknown
  readonly _claim_names?: unknown
  readonly hasgroups?: unknown
}

/** What a test does to the provider. */
export type Mood = {
  /** Who sits at the browser. */
  account: Account
  /** The person says no. */
  declines: boolean
  /** Every request is answered so. */
  status: number | undefined
  /** Changes the answer of the token endpoint. */
  spoil: ((body: Record<string, unknown>, key: JWK) => Promise<Record<string, unknown>>) | undefined
  /** Changes the discovery document. */
  describe: ((document: Record<string, unknown>) => Record<string, unknown>) | undefined
}

export type ClientMethod = 'client_secret_basic' | 'client_secret_post' | 'none'

export type TestProvider = {
  readonly issuer: string
  readonly mood: Mood
  /** Paths that were asked for, oldest first. */
  readonly asked: string[]
  /** Another key in the place of the one before. */
  rotate(): Promise<void>
  close(): Promise<void>
}

export async function startProvider(client: {
  readonly clientId: string
  readonly clientSecret: string
  readonly redirectUri: string
  /** How the client shows its secret. */
  readonly method?: ClientMethod
}): Promise<TestProvider> {
  const mood: Mood = {
    account: { sub: 'alice-at-provider', name: 'Alice', email: 'alice@example.com', groups: ['sec'] },
    declines: false,
    status: undefined,
    spoil: undefined,
    describe: undefined,
  }
  const asked: string[] = []
  let handle: (request: IncomingMessage, response: ServerResponse) => Promise<void> = async () => undefined
  const server = createServer((request, response) => {
    asked.push((request.url ?? '').split('?')[0] as string)
    if (mood.status !== undefined) {
      response.writeHead(mood.status).end('out of order')
      return
    }
    handle(request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  let number = 0

  async function rotate(): Promise<void> {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true })
    number += 1
    const key = { ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig', kid: `key-${number}` }
    handle = requestsOf(issuer, key, client, mood)
  }

  await rotate()
  return {
    issuer,
    mood,
    asked,
    rotate,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function requestsOf(issuer: string, key: JWK, client: Parameters<typeof startProvider>[0], mood: Mood) {
  const provider = new Provider(issuer, {
    jwks: { keys: [key] },
    clients: [
      {
        client_id: client.clientId,
        ...(client.method === 'none' ? {} : { client_secret: client.clientSecret }),
        token_endpoint_auth_method: client.method ?? 'client_secret_basic',
        redirect_uris: [client.redirectUri],
        post_logout_redirect_uris: [`${new URL(client.redirectUri).origin}/`],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    claims: { openid: ['sub', '_claim_names', 'hasgroups'], profile: ['name'], email: ['email'], groups: ['groups'] },
    scopes: ['openid', 'profile', 'email', 'groups'],
    clientAuthMethods: [client.method ?? 'client_secret_basic'],
    pkce: { required: () => true },
    cookies: { keys: ['of-a-test'] },
    features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: true } },
    findAccount: (_ctx, sub) => ({ accountId: sub, claims: async () => ({ ...mood.account, sub }) }),
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    loadExistingGrant: async (ctx) => {
      const grant = new ctx.oidc.provider.Grant({
        clientId: ctx.oidc.client?.clientId ?? '',
        accountId: ctx.oidc.session?.accountId ?? '',
      })
      grant.addOIDCScope('openid profile email groups')
      await grant.save()
      return grant
    },
  })
  const answer = provider.callback()
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [path = ''] = (request.url ?? '').split('?')
    if (path.startsWith('/interaction/')) {
      const result = mood.declines
        ? { error: 'access_denied', error_description: 'not today' }
        : { login: { accountId: mood.account.sub } }
      return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false })
    }
    const change = path === '/token' ? mood.spoil : path.startsWith('/.well-known/') ? mood.describe : undefined
    if (change !== undefined) changeBody(response, async (body) => change(body, key))
    await answer(request, response)
  }
}

/** Lets the provider write its answer, and sends another. */
function changeBody(
  response: ServerResponse,
  change: (body: Record<string, unknown>) => Promise<Record<string, unknown>>,
): void {
  const end = response.end.bind(response)
  response.end = ((chunk: unknown) => {
    if (response.statusCode !== 200) return end(chunk as string)
    void change(JSON.parse(String(chunk)) as Record<string, unknown>).then((body) => {
      const text = JSON.stringify(body)
      response.setHeader('content-length', Buffer.byteLength(text))
      end(text)
    })
    return response
  }) as typeof response.end
}
