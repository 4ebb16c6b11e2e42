// SPDX-License-Identifier: Apache-2.0

import { safeUrl } from '@sealwatch/base/outgoing'
import { type Secret, secretOf } from '@sealwatch/keys'
import { readSettingsFile } from '../../settings-file.ts'
import { signInError } from './errors.ts'

/** What is set, as text; '' where it is not. */
export type OidcSettings = {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: Secret | undefined
  readonly scopes: string
  readonly groupsClaim: string
  /** Further origins, with commas between, at which the issuer has endpoints. */
  readonly endpointOrigins: string
  /** PEM of the CA that the provider's certificate must come from; undefined: one that the system trusts. */
  readonly ca: string | undefined
}

/** A provider that may be asked, checked in form; only `oidcPlan` makes one. */
export type OidcPlan = {
  readonly issuer: string
  /** How people of it are stored: the same for the built-in provider, whatever its port is today. */
  readonly issuerName: string
  readonly clientId: string
  readonly clientSecret: Secret | undefined
  readonly scope: string
  readonly groupsClaim: string
  readonly origins: ReadonlySet<string>
  readonly ca: string | undefined
  /** The one of `sealwatch up`: who signs in there is whom a link names. */
  readonly isBuiltIn: boolean
}

/** The client that `sealwatch up` registers with its own provider. */
export const builtInClient = 'sealwatch-built-in'
export const builtInIssuer = 'urn:sealwatch:built-in'
export const callbackPath = '/auth/callback'

/** Issuers that let in the whole world: who is meant must say which directory. */
const entraForAll = /^https:\/\/login\.microsoftonline\.com\/(common|organizations|consumers)(\/|$)/

/** Undefined where no provider is set. Throws PROVIDER_SETTINGS. */
export function oidcPlan(settings: OidcSettings): OidcPlan | undefined {
  const { issuer, clientId, clientSecret, ca, groupsClaim } = settings
  if (issuer === '' && clientId === '' && clientSecret === undefined) return undefined
  if (issuer === '' || clientId === '')
    throw settingsError(`issuer ${issuer || 'none'}, client id ${clientId || 'none'}`)
  const url = safeUrl(issuer)
  if (url === undefined || url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '')
    throw settingsError(issuer)
  if (entraForAll.test(issuer)) throw settingsError(`${issuer}, which is every directory of Entra ID: name yours`)
  const further = settings.endpointOrigins.split(',').filter((text) => text !== '')
  const origins = further.map((text) => originOf(text) ?? text)
  const wrong = origins.find((origin) => originOf(origin) === undefined)
  if (wrong !== undefined) throw settingsError(`the endpoint origin ${wrong}`)
  const scopes = new Set(['openid', ...settings.scopes.split(' ').filter((scope) => scope !== '')])
  const isBuiltIn = clientId === builtInClient && url.protocol === 'http:'
  return {
    issuer,
    issuerName: isBuiltIn ? builtInIssuer : issuer,
    clientId,
    clientSecret,
    scope: [...scopes].join(' '),
    groupsClaim,
    origins: new Set([url.origin, ...origins]),
    ca,
    isBuiltIn,
  }
}

/** The settings by their names in the server's table. */
export type ProviderConfig = {
  readonly publicOrigin: string
  readonly oidcIssuer: string
  readonly oidcClientId: string
  readonly oidcClientSecret: string
  readonly oidcScopes: string
  readonly oidcGroupsClaim: string
  readonly oidcEndpointOrigins: string
  readonly oidcCaFile: string
}

/** Reads what the settings name, while the process may still read it. Throws PROVIDER_SETTINGS. */
export function readProvider(config: ProviderConfig): OidcPlan | undefined {
  const { publicOrigin, oidcClientSecret: secret, oidcCaFile: caFile } = config
  if (publicOrigin !== '' && originOf(publicOrigin) === undefined) throw settingsError(`the origin ${publicOrigin}`)
  const path = /^file:(.*)$/s.exec(secret)?.[1]
  const revealed = path === undefined ? secret : readSettingsFile(path, true, settingsError).trim()
  return oidcPlan({
    issuer: config.oidcIssuer,
    clientId: config.oidcClientId,
    clientSecret: revealed === '' ? undefined : secretOf(revealed),
    scopes: config.oidcScopes,
    groupsClaim: config.oidcGroupsClaim,
    endpointOrigins: config.oidcEndpointOrigins,
    ca: caFile === '' ? undefined : readSettingsFile(caFile, false, settingsError),
  })
}

const settingsError = (received: string) =>
  signInError('PROVIDER_SETTINGS', { attempted: 'reading the settings of the log-in', received })

/** Undefined for what is no origin that is safe to go to. */
export function originOf(text: string): string | undefined {
  const url = safeUrl(text)
  return url !== undefined && url.origin === text.replace(/\/$/, '') ? url.origin : undefined
}
