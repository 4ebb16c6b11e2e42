// SPDX-License-Identifier: Apache-2.0

import type { Clock, Log, Proxies } from '@sealwatch/base'
import type { Access, SignIn } from '../../access/index.ts'
import type {
  Calibrations,
  Exceptions,
  RequestFeedback,
  RequestSettings,
  Requests,
  RuleList,
} from '../../detect/index.ts'
import type { Drills } from '../../drills/index.ts'
import type { Replays } from '../../ingest/index.ts'
import type { Channels } from '../../notify/index.ts'
import type { DryRuns, Policies } from '../../policies/index.ts'
import type { Store } from '../../store/index.ts'
import type { KeyExaminations, Signoffs, Strictness, Trust } from '../../trust/index.ts'
import type { ApiPorts } from '../ports.ts'
import { type DashboardFile, dashboardRoutes, noSuchPage } from './dashboard.ts'
import { createIdempotency } from './idempotency.ts'
import { drawNoticeIn } from './notice.ts'
import { openApiOf } from './openapi.ts'
import { lookOf } from './page.ts'
import { httpErrors } from './problems.ts'
import type { Route } from './route.ts'
import { openRoute } from './route.ts'
import { calibrationRoutes } from './routes/calibration.ts'
import { certificateRoutes } from './routes/certificates.ts'
import { deploymentRoutes } from './routes/deployment.ts'
import { drillRoutes } from './routes/drills.ts'
import { eventRoutes } from './routes/events.ts'
import { examinationRoutes } from './routes/examinations.ts'
import { exportRoutes } from './routes/exports.ts'
import { type FeedPorts, feedRoutes } from './routes/feed.ts'
import { forwardAuthRoutes } from './routes/forward-auth.ts'
import { groupRoleRoutes } from './routes/group-roles.ts'
import { guardRoutes } from './routes/guard.ts'
import { hostGroupRoutes } from './routes/host-groups.ts'
import { hostRoutes } from './routes/hosts.ts'
import { incidentRoutes } from './routes/incidents.ts'
import { ledgerRoutes } from './routes/ledger.ts'
import { linkRoutes } from './routes/links.ts'
import { type ManifestPorts, manifestRoutes } from './routes/manifests.ts'
import { memberRoutes } from './routes/members.ts'
import { notBuiltRoutes } from './routes/not-built.ts'
import { channelRoutes } from './routes/notification-channels.ts'
import { peopleRoutes } from './routes/people.ts'
import { policyRoutes } from './routes/policies.ts'
import { producerRoutes } from './routes/producers.ts'
import { quarantineRoutes } from './routes/quarantine.ts'
import { quarantineReleaseRoutes } from './routes/quarantine-releases.ts'
import { roleRoutes } from './routes/roles.ts'
import { rotationRoutes } from './routes/rotations.ts'
import { type RowPorts, rowRoutes } from './routes/rows.ts'
import { ruleExceptionRoutes } from './routes/rule-exceptions.ts'
import { ruleRoutes } from './routes/rules.ts'
import { signInRoutes } from './routes/sign-in.ts'
import { signoffRoutes } from './routes/signoffs.ts'
import { strictRoutes } from './routes/strict.ts'
import { subjectRoutes } from './routes/subjects.ts'
import { type TenantPorts, tenantRoutes } from './routes/tenants.ts'
import { threatExceptionRoutes } from './routes/threat-exceptions.ts'
import { threatSettingsRoutes } from './routes/threat-settings.ts'
import { threatRoutes } from './routes/threats.ts'
import { tokenRoutes } from './routes/tokens.ts'
import { type ServeOptions, serveRoutes } from './serve-routes.ts'

export { authenticateNetwork, authenticateOperator, bearerReader, type SessionReader } from './authenticate.ts'
export { type DashboardFile, dashboardDir, readDashboard } from './dashboard.ts'
export { checkForm } from './form.ts'
export { type HttpDoor, openHttpDoor } from './listen.ts'
export { prepareHttp } from './prepare.ts'
export { httpError } from './problems.ts'
export { csrfHeader, readSession } from './read-session.ts'
export { type Caller, openRoute, type Route, route, selfRoute } from './route.ts'
export { serveRoutes } from './serve-routes.ts'
export { serveUpgrades } from './upgrades.ts'
export { httpErrors }

/** What the routes need of the rooms behind them; compose.ts wires it. */
export type HttpPorts = TenantPorts &
  ManifestPorts & {
    readonly access: Access
    readonly signIn: SignIn
    readonly ruleList: RuleList
    readonly exceptions: Exceptions
    readonly requests: Requests
    readonly requestSettings: RequestSettings
    readonly calibrations: Calibrations
    readonly feedback: RequestFeedback
    readonly policies: Policies
    readonly dryRuns: DryRuns
    readonly drills: Drills
    readonly channels: Channels
    readonly trust: Trust
    readonly strictness: Strictness
    readonly signoffs: Signoffs
    readonly examinations: KeyExaminations
    readonly replays: Replays
    readonly api: ApiPorts
    readonly listening: FeedPorts
    readonly rows: RowPorts
    readonly version: string
    /** Without its files, the API alone. */
    readonly dashboard?: readonly DashboardFile[] | undefined
  }

/** Every route there is, the document about them included. */
export function allRoutes(ports: HttpPorts): Route[] {
  const { access, signIn, registry, policies, dryRuns, trust, signoffs, examinations, api, listening, rows, version } =
    ports
  const look = lookOf(ports.dashboard ?? [])
  const routes = [
    ...eventRoutes(api),
    ...feedRoutes(api, listening),
    ...incidentRoutes(api),
    ...ledgerRoutes(api),
    ...exportRoutes(api),
    ...hostRoutes(api),
    ...hostGroupRoutes(api),
    ...guardRoutes(api),
    ...producerRoutes(trust),
    ...certificateRoutes(trust.certificates),
    ...rotationRoutes(trust),
    ...examinationRoutes(examinations),
    ...tenantRoutes(ports),
    ...memberRoutes(access, signIn),
    ...roleRoutes(access),
    ...tokenRoutes(access),
    ...peopleRoutes(access, signIn),
    ...groupRoleRoutes(access),
    ...signInRoutes(signIn, access.gate, drawNoticeIn(look)),
    ...linkRoutes(signIn, (tenant) => registry.get(tenant).title, look),
    ...ruleRoutes(ports.ruleList),
    ...ruleExceptionRoutes(ports.exceptions),
    ...threatRoutes(ports.requests),
    ...threatSettingsRoutes(ports.requestSettings),
    ...calibrationRoutes(ports),
    ...threatExceptionRoutes(ports.exceptions),
    ...forwardAuthRoutes(ports.requests),
    ...policyRoutes(policies, dryRuns, api),
    ...manifestRoutes(ports),
    ...quarantineRoutes(ports),
    ...quarantineReleaseRoutes(ports),
    ...strictRoutes(ports.strictness, api),
    ...signoffRoutes(signoffs),
    ...drillRoutes(ports),
    ...channelRoutes(ports),
    ...subjectRoutes(api),
    ...rowRoutes(rows),
    ...deploymentRoutes(api),
    ...notBuiltRoutes(),
  ]
  let text = ''
  const all = [
    ...routes,
    openRoute({
      method: 'GET',
      path: '/api/v1/openapi.json',
      id: 'getOpenApi',
      summary: 'This document',
      tag: 'documents',
      open: 'it says what is written in the sources',
      media: 'application/json; charset=utf-8',
      handle: async () => text,
    }),
  ]
  text = JSON.stringify(openApiOf(all, version))
  return all
}

export type HttpOptions = HttpPorts & {
  readonly store: Store
  readonly limits: ServeOptions['limits']
  /** What every request must keep to, whatever it asks for. */
  readonly checkForm?: ServeOptions['checkForm']
  readonly proxies?: Proxies
  readonly clock: Clock
  readonly log: Log
}

/** The API for one kind of door: `authenticate` says who comes through it. */
export const httpApp = (options: HttpOptions, authenticate: ServeOptions['authenticate']) =>
  serveRoutes({
    routes: [...allRoutes(options), ...dashboardRoutes(options.dashboard ?? [])],
    gate: options.access.gate,
    authenticate,
    onDenied: options.access.denials.note,
    idempotency: createIdempotency(options),
    limits: options.limits,
    checkForm: options.checkForm,
    proxies: options.proxies,
    noSuchPage: noSuchPage(options.dashboard ?? []),
    clock: options.clock,
    log: options.log,
  })
