// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import { request as plainRequest } from 'node:http'
import { withApi } from '../api.ts'
import type { Io } from '../io.ts'
import type { Place } from '../place.ts'

/** How the built-in provider and the server know each other, for one life of the instance. */
export type BuiltInLogin = { readonly issuer: string; readonly port: number; readonly secret: string }

/** As the server names itself there (apps/dev-login/src/provider.ts). */
const clientId = 'sealwatch-built-in'
const host = '127.0.0.1'

/**
 * People sign in through the provider of this machine unless the operator set one of their own, the dashboard is for other
 * machines too, or this is production.
 */
export function wantsBuiltIn(env: Io['env']): boolean {
  const isFree = (name: string) => (env[name] ?? '') === ''
  const isHere = /^(|localhost|127\.\d+\.\d+\.\d+|::1)$/.test(env.SEALWATCH_SERVER_API_ADDRESS ?? '')
  const isPlayground = /^(|development|test|ci|local)$/.test(env.NODE_ENV ?? '') && env.REQUIRE_KMS !== 'true'
  const isSet = ['ISSUER', 'CLIENT_ID', 'CLIENT_SECRET'].some((name) => !isFree(`SEALWATCH_SERVER_OIDC_${name}`))
  return isPlayground && isHere && !isSet && isFree('SEALWATCH_SERVER_PUBLIC_ORIGIN')
}

export const builtInLogin = (port: number): BuiltInLogin => ({
  issuer: `http://${host}:${port}`,
  port,
  secret: randomBytes(32).toString('base64url'),
})

export const dashboardOrigin = (apiPort: number): string => `http://localhost:${apiPort}`

/** What the server is told of the provider; the secret is handed over apart. */
export const serverEnvOf = ({ issuer }: BuiltInLogin, apiPort: number): Record<string, string> => ({
  SEALWATCH_SERVER_OIDC_ISSUER: issuer,
  SEALWATCH_SERVER_OIDC_CLIENT_ID: clientId,
  SEALWATCH_SERVER_PUBLIC_ORIGIN: dashboardOrigin(apiPort),
})

/** Whether the provider answers. */
export function providerAnswers({ issuer }: BuiltInLogin): Promise<true | undefined> {
  const { promise, resolve } = Promise.withResolvers<true | undefined>()
  const request = plainRequest(`${issuer}/.well-known/openid-configuration`, { timeout: 1_000 }, (response) => {
    response.resume()
    resolve(response.statusCode === 200 ? true : undefined)
  })
  request.on('timeout', () => request.destroy())
  request.on('error', () => resolve(undefined))
  request.end()
  return promise
}

/** The first way in; undefined where the server gives none. */
export async function firstLink(place: Place, io: Pick<Io, 'env' | 'stop'>): Promise<string | undefined> {
  const here = { io, place, tenant: undefined, server: undefined }
  try {
    return (await withApi(here, 'making a log-in link', (api) => api.call('createLoginLink', { body: {} }))).url
  } catch {
    return undefined
  }
}
