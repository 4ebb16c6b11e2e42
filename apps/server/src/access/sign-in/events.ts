// SPDX-License-Identifier: Apache-2.0
// What the ledger of the cluster says of people who come and go. They are named by person_id alone (LOG-5).

import { toSeconds } from '@sealwatch/base'
import { classify } from '@sealwatch/contract'
import type { Body } from '@sealwatch/ledger'
import { actEvent, alertEvent, auditEvent, auditTenant, type ServerVoice } from '../../identity/index.ts'

/** How a session began. */
export type LoginMethod = 'oidc' | 'break_glass'
/** Why a session ended. */
export type EndCause = 'logout' | 'idle' | 'age' | 'displaced' | 'disabled' | 'signed_out' | 'clock' | 'tenant_erased'
export type PersonChange = 'enable' | 'disable' | 'delete'
export type By = { readonly name: string; readonly requestId: string }

const component = 'access'
const tenant = auditTenant
const service = { name: 'Sealwatch control plane' }
const protocols = {
  oidc: { auth_protocol_id: 4, auth_protocol: 'OpenID' },
  break_glass: { auth_protocol_id: 99, auth_protocol: 'One-time link' },
} as const
const succeeded = { status_id: 1, status: 'Success' } as const
const failed = { status_id: 2, status: 'Failure' } as const

export function personCreated(voice: ServerVoice, timeNs: bigint, personId: string): Body {
  return auditEvent(voice, {
    code: 'person_created',
    component,
    tenant,
    timeNs,
    about: personId,
    kind: classify('person', 'create'),
    severity: 'low',
    message: `${personId} is known from now on`,
    members: { user: { uid: personId }, ...succeeded, unmapped: {} },
  })
}

export function personChanged(
  voice: ServerVoice,
  timeNs: bigint,
  personId: string,
  change: PersonChange,
  by: By,
): Body {
  const done = change === 'delete' ? 'erased' : `${change}d`
  return auditEvent(voice, {
    code: `person_${done}`,
    component,
    tenant,
    timeNs,
    about: `${personId}:${by.requestId}`,
    kind: classify('person', change),
    severity: 'medium',
    message: `${personId} was ${done}`,
    by: by.name,
    members: { user: { uid: personId }, ...succeeded, unmapped: { request_id: by.requestId } },
  })
}

/** Each of the sessions has a line of its own, under the same request. */
export const personSignedOut = (voice: ServerVoice, timeNs: bigint, personId: string, sessions: number, by: By): Body =>
  actEvent(voice, {
    code: 'person_signed_out',
    component,
    tenant,
    timeNs,
    by,
    verb: 'update',
    severity: 'medium',
    message: `${personId} was signed out of ${sessions} sessions`,
    entity: { type: 'Person', uid: personId },
    details: {},
  })

export type LoginMatter = {
  readonly personId: string
  readonly session: string
  readonly method: LoginMethod
  readonly activeTenant: string
  readonly source: string
  readonly requestId: string
  /** How the one-time link that led here is spoken of. */
  readonly link?: string | undefined
  /** The session that this one took the place of. */
  readonly instead?: string
}

/** A log-in, or the change of a session to another tenant. */
export function loggedIn(voice: ServerVoice, timeNs: bigint, matter: LoginMatter): Body {
  const { personId, session, method, activeTenant, source, requestId, link, instead } = matter
  const isBreakGlass = method === 'break_glass'
  const told = instead === undefined ? 'signed in' : `went on in place of the session ${instead}`
  return auditEvent(voice, {
    code: instead === undefined ? 'login' : 'session_switched',
    component,
    tenant,
    timeNs,
    about: session,
    kind: classify('authentication', 'logon'),
    severity: isBreakGlass ? 'high' : 'informational',
    message: `${personId} ${told}, and acts in the tenant ${activeTenant}`,
    by: `person:${personId}`,
    members: {
      user: { uid: personId },
      session: { uid: session },
      service,
      src_endpoint: endpointOf(source),
      is_remote: true,
      ...protocols[method],
      ...succeeded,
      unmapped: {
        request_id: requestId,
        active_tenant: activeTenant,
        login_method: method,
        ...(link === undefined ? {} : { login_link: link }),
      },
    },
  })
}

const ends = {
  logout: 'signed out',
  idle: 'was signed out, for the session was not used',
  age: 'was signed out, for the session had come to its end',
  displaced: 'was signed out, for there were newer sessions than one person may have',
  disabled: 'was signed out, for the person was disabled or erased',
  signed_out: 'was signed out everywhere by an administrator',
  clock: 'was signed out, for the clock had been set',
  tenant_erased: 'was signed out, for the tenant that the session acted in was erased',
} as const satisfies Record<EndCause, string>

export function loggedOut(
  voice: ServerVoice,
  timeNs: bigint,
  matter: {
    readonly personId: string
    readonly session: string
    readonly cause: EndCause
    readonly requestId?: string
  },
): Body {
  const { personId, session, cause, requestId } = matter
  return auditEvent(voice, {
    code: 'logout',
    component,
    tenant,
    timeNs,
    about: session,
    kind: classify('authentication', 'logoff'),
    severity: 'informational',
    message: `${personId} ${ends[cause]}`,
    ...(cause === 'logout' ? { by: `person:${personId}` } : {}),
    members: {
      user: { uid: personId },
      session: { uid: session },
      service,
      ...succeeded,
      unmapped: { cause, ...(requestId === undefined ? {} : { request_id: requestId }) },
    },
  })
}

export type FailureMatter = {
  /** Undefined: nobody was proven. */
  readonly personId: string | undefined
  /** Code of the error. */
  readonly cause: string
  readonly source: string
  readonly requestId: string
  readonly times: number
}

export function loginFailed(voice: ServerVoice, timeNs: bigint, matter: FailureMatter): Body {
  const { personId, cause, source, requestId, times } = matter
  const who = personId ?? 'somebody'
  const what =
    cause === 'API_TOKEN_UNKNOWN'
      ? `an API token that is not valid was presented from ${source}`
      : `${who} could not sign in (${cause})`
  return auditEvent(voice, {
    code: 'login_failed',
    component,
    tenant,
    timeNs,
    about: `${source}:${cause}:${requestId}`,
    kind: classify('authentication', 'logon'),
    severity: times > 1 ? 'medium' : 'low',
    message: `${what}${times > 1 ? `, ${times} times` : ''}`,
    members: {
      user: { uid: personId ?? 'unknown' },
      service,
      src_endpoint: endpointOf(source),
      is_remote: true,
      ...failed,
      status_code: cause,
      unmapped: { request_id: requestId, failed_times: times },
    },
  })
}

export function linkCreated(
  voice: ServerVoice,
  timeNs: bigint,
  by: By,
  link: {
    readonly name: string
    readonly kind: string
    readonly expiresAt: string
    readonly tenant: string
    readonly roles: readonly string[]
  },
): Body {
  return actEvent(voice, {
    code: 'login_link_created',
    component,
    tenant: link.tenant,
    timeNs,
    by,
    verb: 'create',
    severity: 'medium',
    message: `a log-in link (${link.kind}) was made${gives(link.roles)}, good once until ${toSeconds(link.expiresAt)}`,
    entity: { type: 'Log-in Link', uid: link.name },
    details: { login_link: link.name, expires_at: link.expiresAt },
  })
}

const gives = (roles: readonly string[]) => (roles.length === 0 ? '' : `, with the role ${roles.join(', ')}`)

/** Of the account that is there for emergencies, each step is an alert. */
export function breakGlassAlert(
  voice: ServerVoice,
  timeNs: bigint,
  step: 'opened' | 'used',
  matter: { readonly id: string; readonly reason: string; readonly expiresAt: string; readonly evidence: object },
): Body {
  const told = step === 'opened' ? 'was opened' : 'is in use'
  return alertEvent(voice, {
    code: `break_glass_${step}`,
    component,
    tenant,
    timeNs,
    about: matter.id,
    severity: 'critical',
    message: `break-glass access ${matter.id} ${told}, until ${toSeconds(matter.expiresAt)}: ${matter.reason}`,
    title: `Break-glass access ${told}`,
    runbook: 'break-glass.md',
    attacks: [
      {
        technique: { uid: 'T1078', name: 'Valid Accounts' },
        tactic: { uid: 'TA0004', name: 'Privilege Escalation' },
      },
    ],
    evidence: { break_glass: matter.id, until: matter.expiresAt, ...matter.evidence },
  })
}

export function breakGlassAcknowledged(voice: ServerVoice, timeNs: bigint, by: By, id: string): Body {
  return actEvent(voice, {
    code: 'break_glass_acknowledged',
    component,
    tenant,
    timeNs,
    by,
    verb: 'update',
    severity: 'medium',
    message: `break-glass access ${id} was acknowledged`,
    entity: { type: 'Break-glass Access', uid: id },
    details: { break_glass: id },
  })
}

/** OCSF has a form for addresses; what is none is a name. */
const endpointOf = (source: string) => (/^[0-9a-f.:]+$/i.test(source) ? { ip: source } : { name: source })
