// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'
import { SignJWT } from 'jose'
import type { LoginLink } from './login-links.ts'
import type { PendingLogin } from './pending-logins.ts'
import type { OidcPlan } from './settings.ts'

/** Long enough to be redirected. */
const hintSeconds = 60

/**
 * What the built-in provider, which asks for no password, is told of whoever followed a link: signed with the secret that
 * both were handed (OpenID Connect Core 1.0, 3.1.2.1: `login_hint`), and good for this one log-in.
 */
export async function loginHint(plan: OidcPlan, pending: PendingLogin, link: LoginLink, clock: Clock): Promise<string> {
  const secret = Buffer.from(plan.clientSecret?.reveal() ?? '')
  return new SignJWT({ name: link.name, state: pending.state })
    .setProtectedHeader({ alg: 'HS256', typ: 'sealwatch-hint+jwt' })
    .setSubject(link.subject)
    .setAudience(plan.issuer)
    .setExpirationTime(Math.floor(clock.nowMs() / 1000) + hintSeconds)
    .sign(secret)
}
