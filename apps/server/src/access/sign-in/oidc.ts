// SPDX-License-Identifier: Apache-2.0
// The relying party (OpenID Connect Core 1.0): authorization code, PKCE, state and nonce.

import { type Clock, isSealwatchError, messageOf, type SealwatchError } from '@sealwatch/base'
import { safeUrl } from '@sealwatch/base/outgoing'
import {
  AuthorizationResponseError,
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildEndSessionUrl,
  ClientSecretBasic,
  ClientSecretPost,
  Configuration,
  calculatePKCECodeChallenge,
  clockTolerance,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  type IDToken,
  None,
  ResponseBodyError,
  type ServerMetadata,
} from 'openid-client'
import { signInError } from './errors.ts'
import type { PendingLogin } from './pending-logins.ts'
import type { ProvenPerson } from './people.ts'
import { providerCall } from './provider-call.ts'
import { callbackPath, type OidcPlan } from './settings.ts'

export type ProvenLogin = ProvenPerson & {
  /** Of the groups claim. Without the claim there are none: many providers leave out what would be empty. */
  readonly groups: readonly string[]
  readonly idToken: string
}

export type RelyingParty = {
  readonly plan: OidcPlan
  /** Where to send the browser. `hint`: whom it is to sign in, signed for the built-in provider. */
  authorizationUrl(pending: PendingLogin, hint?: string): Promise<string>
  /** Redeems what the provider's answer carries. Throws LOGIN_DECLINED, LOGIN_UNPROVEN, PROVIDER_UNAVAILABLE or PROVIDER_UNFIT. */
  redeem(pending: PendingLogin, answer: URLSearchParams): Promise<ProvenLogin>
  /** Where to end the session at the provider too; undefined: it has no such place, or does not answer. */
  endSessionUrl(idToken: string | undefined): Promise<string | undefined>
}

const timeoutSeconds = 10
/** The provider's clock and ours may differ by that much. */
export const clockSecondsMax = 60
/** Discovery is asked again after this long. */
const discoveryMs = 3_600_000
/** A provider that is down is not asked more often. */
const retryMs = 5_000
/** Asymmetric ones; the library knows how to verify each. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']
const groupsMax = 500
const groupCharsMax = 256
const subjectCharsMax = 255
const attempted = 'signing somebody in'

/** `origin`: of the dashboard, as people's browsers see it. */
export function createRelyingParty(plan: OidcPlan, origin: () => string, clock: Clock): RelyingParty {
  const call = providerCall(plan, clock)
  const redirectUri = () => origin() + callbackPath
  let known: { readonly metadata: ServerMetadata; readonly untilNs: bigint } | undefined
  let failed: { readonly error: SealwatchError; readonly untilNs: bigint } | undefined
  let asking: Promise<ServerMetadata> | undefined

  /** The provider's own description of itself; kept for an hour, and asked for by one at a time. */
  async function metadata(): Promise<ServerMetadata> {
    const nowNs = clock.monotonicNs()
    if (known !== undefined && known.untilNs > nowNs) return known.metadata
    if (failed !== undefined && failed.untilNs > nowNs) throw failed.error
    asking ??= discover().finally(() => {
      asking = undefined
    })
    return asking
  }

  async function discover(): Promise<ServerMetadata> {
    const untilNs = (ms: number) => clock.monotonicNs() + BigInt(ms) * 1_000_000n
    try {
      const found = await discovery(new URL(plan.issuer), plan.clientId, undefined, None(), {
        [customFetch]: call,
        execute: [allowInsecureRequests],
        timeout: timeoutSeconds,
      })
      const described = checkMetadata(found.serverMetadata(), plan)
      known = { metadata: described, untilNs: untilNs(discoveryMs) }
      failed = undefined
      return described
    } catch (cause) {
      const error = providerError(cause, 'PROVIDER_UNAVAILABLE')
      failed = { error, untilNs: untilNs(retryMs) }
      throw error
    }
  }

  /** Anew for each log-in, so that no key of the provider is remembered: one that it gave up is worth nothing at once. */
  async function configuration(): Promise<Configuration> {
    const described = await metadata()
    const made = new Configuration(
      described,
      plan.clientId,
      { [clockTolerance]: clockSecondsMax },
      authentication(plan, described),
    )
    made[customFetch] = call
    made.timeout = timeoutSeconds
    // Of which requests are insecure the plan decides: http goes to this very machine alone.
    allowInsecureRequests(made)
    enableNonRepudiationChecks(made)
    return made
  }

  return {
    plan,
    authorizationUrl: async ({ state, nonce, verifier }, hint) => {
      const url = buildAuthorizationUrl(await configuration(), {
        redirect_uri: redirectUri(),
        scope: plan.scope,
        state,
        nonce,
        code_challenge: await calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        ...(hint === undefined ? {} : { login_hint: hint }),
      })
      return url.href
    },
    redeem: async (pending, answer) => {
      const config = await configuration()
      const url = new URL(redirectUri())
      url.search = answer.toString()
      try {
        const tokens = await authorizationCodeGrant(config, url, {
          expectedState: pending.state,
          expectedNonce: pending.nonce,
          pkceCodeVerifier: pending.verifier,
          idTokenExpected: true,
        })
        const claims = tokens.claims() as IDToken
        checkClaims(claims, clock)
        const { access_token, id_token = '' } = tokens
        const more = await moreClaims(config, claims, access_token, plan)
        return { ...personOf({ ...more, ...claims }, plan), idToken: id_token }
      } catch (cause) {
        throw providerError(cause, 'LOGIN_UNPROVEN')
      }
    },
    endSessionUrl: async (idToken) => {
      const config = await configuration().catch(() => undefined)
      if (config?.serverMetadata().end_session_endpoint === undefined) return undefined
      return buildEndSessionUrl(config, {
        post_logout_redirect_uri: `${origin()}/`,
        ...(idToken === undefined ? {} : { id_token_hint: idToken }),
      }).href
    },
  }
}

/** RFC 6749, 2.3.1: Basic where the provider takes it, which it does where it says nothing. */
function authentication({ clientSecret }: OidcPlan, { token_endpoint_auth_methods_supported: taken }: ServerMetadata) {
  if (clientSecret === undefined) return None()
  const secret = clientSecret.reveal()
  return taken === undefined || taken.includes('client_secret_basic')
    ? ClientSecretBasic(secret)
    : ClientSecretPost(secret)
}

/** Throws PROVIDER_UNFIT. Endpoints that only some providers have, and that lie elsewhere, are left out. */
function checkMetadata(metadata: ServerMetadata, { issuer, origins }: OidcPlan): ServerMetadata {
  const unfit = (received: string) =>
    signInError('PROVIDER_UNFIT', { attempted: 'reading the discovery document of the provider', received })
  if (metadata.issuer !== issuer) throw unfit(`the issuer ${metadata.issuer}`)
  const isOurs = (endpoint: string | undefined) =>
    endpoint !== undefined && origins.has(safeUrl(endpoint)?.origin ?? 'none')
  for (const name of ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const)
    if (!isOurs(metadata[name])) throw unfit(`${name} ${metadata[name] ?? 'missing'}`)
  const { userinfo_endpoint, end_session_endpoint, id_token_signing_alg_values_supported: offered, ...rest } = metadata
  const { mtls_endpoint_aliases: _aliases, ...plain } = rest
  return {
    ...plain,
    ...(isOurs(userinfo_endpoint) ? { userinfo_endpoint: userinfo_endpoint as string } : {}),
    ...(isOurs(end_session_endpoint) ? { end_session_endpoint: end_session_endpoint as string } : {}),
    id_token_signing_alg_values_supported: algorithms.filter((name) => (offered ?? ['RS256']).includes(name)),
  }
}

/** The library looks at `exp` and `nbf`; a token from the future is none either, nor is one about nobody. */
function checkClaims({ iat, sub }: IDToken, clock: Clock): void {
  const refused = (received: string) => signInError('LOGIN_UNPROVEN', { attempted, received })
  const aheadSeconds = iat - clock.nowMs() / 1000
  if (aheadSeconds > clockSecondsMax) throw refused(`an ID token made ${Math.round(aheadSeconds)} s from now`)
  if (sub === '' || sub.length > subjectCharsMax) throw refused(`a subject of ${sub.length} characters`)
}

type Claims = Readonly<Record<string, unknown>>

/** Many providers keep the ID token small and tell the rest when asked (OpenID Connect Core 1.0, 5.3). */
async function moreClaims(
  config: Configuration,
  claims: IDToken,
  accessToken: string,
  plan: OidcPlan,
): Promise<Claims> {
  const isWhole = [plan.groupsClaim, 'name', 'email'].every((name) => claims[name] !== undefined)
  if (isWhole || config.serverMetadata().userinfo_endpoint === undefined) return {}
  return await fetchUserInfo(config, accessToken, claims.sub)
}

function personOf(claims: Claims & { readonly sub: string }, plan: OidcPlan): Omit<ProvenLogin, 'idToken'> {
  const text = (...names: readonly string[]) =>
    names.map((name) => claims[name]).find((value): value is string => typeof value === 'string' && value !== '') ?? ''
  return {
    issuer: plan.issuerName,
    subject: claims.sub,
    name: text('name', 'preferred_username'),
    email: text('email'),
    groups: groupsOf(claims, plan.groupsClaim),
  }
}

/** Throws LOGIN_UNPROVEN: groups that cannot be read must not pass for none. */
function groupsOf(claims: Claims, claim: string): readonly string[] {
  const refused = (received: string, advice?: string) =>
    signInError('LOGIN_UNPROVEN', { attempted: `reading the claim ${claim}`, received, ...(advice && { advice }) })
  const { _claim_names: elsewhere, hasgroups } = claims
  const isElsewhere = typeof elsewhere === 'object' && elsewhere !== null && Object.hasOwn(elsewhere, claim)
  // Entra says the one or the other of somebody whose groups do not fit the token.
  if (isElsewhere || (claim === 'groups' && hasgroups !== undefined && String(hasgroups) !== 'false'))
    throw refused(
      'a reference to another place, for the person is in too many groups',
      'Let the provider send only groups that are assigned to this client (docs/sign-in.md, Entra ID)',
    )
  const value = claims[claim]
  if (value === undefined || value === null) return []
  const groups = typeof value === 'string' ? [value] : value
  if (!Array.isArray(groups) || groups.length > groupsMax) throw refused(`${typeof value}, or more than ${groupsMax}`)
  const isFormed = (group: unknown): group is string =>
    typeof group === 'string' && group !== '' && group.length <= groupCharsMax
  if (!groups.every(isFormed)) throw refused(`groups that are no texts of at most ${groupCharsMax} characters`)
  return [...new Set(groups)]
}

/** Codes by which the library says that nothing came back, or nothing that a provider in health sends. */
const outages = new Set(['OAUTH_TIMEOUT', 'OAUTH_ABORT', 'OAUTH_RESPONSE_IS_NOT_CONFORM', 'OAUTH_RESPONSE_IS_NOT_JSON'])
/** The system's words for a connection that did not come about, or did not hold: of sockets, of TLS, of HTTP. */
const brokenForm = /^(E[A-Z]+|EAI_.*|ABORT_ERR|ERR_TLS_.*|CERT_.*|DEPTH_.*|SELF_SIGNED_.*|UNABLE_.*|HPE_.*)$/

/** What went wrong between us and the provider. No token stands in it: causes that hold one stay behind. */
function providerError(cause: unknown, otherwise: 'LOGIN_UNPROVEN' | 'PROVIDER_UNAVAILABLE'): SealwatchError {
  if (isSealwatchError(cause)) return cause
  if (cause instanceof AuthorizationResponseError)
    return signInError('LOGIN_DECLINED', { attempted, received: `${cause.error}: ${cause.error_description ?? ''}` })
  if (cause instanceof ResponseBodyError) {
    const received = `${cause.error}: ${cause.error_description ?? ''} (HTTP ${cause.status})`
    return signInError(cause.status >= 500 ? 'PROVIDER_UNAVAILABLE' : otherwise, { attempted, received })
  }
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
  if (isSealwatchError(inner)) return inner
  const codes = [cause, inner].map((error) => String((error as { code?: unknown } | undefined)?.code))
  const isOutage = codes.some((code) => outages.has(code) || brokenForm.test(code))
  return signInError(isOutage ? 'PROVIDER_UNAVAILABLE' : otherwise, { attempted, received: messageOf(inner) })
}
