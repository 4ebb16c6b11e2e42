// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { signDrill, signKeyReport, signSignoff } from '@sealwatch/ledger'
import { type Access, openAccess, openSignIn, type SignIn } from '../access/index.ts'
import { ruleFoldersOf } from '../config.ts'
import {
  type Calibrations,
  createCalibrations,
  createExceptions,
  createGlances,
  createRequestFeedback,
  createRequestSettings,
  createRequests,
  createRuleList,
  createScoreBook,
  createVerdictCounts,
  type Exceptions,
  type FeedFollower,
  type Glances,
  type Habits,
  openFeeds,
  openHabits,
  openRules,
  type RequestFeedback,
  type RequestSettings,
  type Requests,
  type RuleList,
  type Rules,
  type ScoreBook,
  type VerdictCounts,
} from '../detect/index.ts'
import { createDrills, type Drills } from '../drills/index.ts'
import {
  createGroups,
  createHostConfigs,
  createRehearsals,
  createStandingOrders,
  type Groups,
  type HostConfigs,
  type StandingOrders,
} from '../fleet/index.ts'
import { auditTenant, type Identity, openIdentity } from '../identity/index.ts'
import {
  type Admission,
  createAdmission,
  createForgedAlarms,
  createIngest,
  createReplays,
  createRowBook,
  createRowIngest,
  type Ingest,
  openQuarantine,
  type Quarantine,
  type Replays,
  type RowBook,
  type RowIngest,
} from '../ingest/index.ts'
import {
  type Channels,
  createChannels,
  createNoticeQueue,
  createSend,
  createSendMail,
  type NoticeQueue,
  noticeCall,
} from '../notify/index.ts'
import { createDryRuns, createPolicies, type DryRuns, type Policies, policySigner } from '../policies/index.ts'
import { type HostWatch, openHostWatch } from '../presence/index.ts'
import { serverNames } from '../server-names.ts'
import {
  createFleetVouching,
  createKeyExaminations,
  createManifests,
  createSignoffs,
  createVouching,
  type KeyExaminations,
  type KeyRegistry,
  type Manifests,
  openKeyRegistry,
  openStrictness,
  openTrust,
  openTrustRoots,
  type Signoffs,
  type Strictness,
  type Trust,
  type TrustRoots,
  type TrustStoreWatch,
  watchTrustStore,
} from '../trust/index.ts'
import type { Books } from './books.ts'

export type Rooms = Books & {
  readonly keyRegistry: KeyRegistry
  readonly trust: Trust
  readonly trustStore: TrustStoreWatch
  readonly identity: Identity
  readonly presence: HostWatch
  readonly access: Access
  readonly signIn: SignIn
  /** Of the dashboard, as browsers see it; where none is set, the server's own, once it listens. */
  readonly origin: { url: string }
  readonly trustRoots: TrustRoots
  readonly manifests: Manifests
  readonly signoffs: Signoffs
  readonly strictness: Strictness
  readonly examinations: KeyExaminations
  readonly quarantine: Quarantine
  readonly replays: Replays
  readonly ingest: Ingest
  readonly rowBook: RowBook
  readonly admission: Admission
  readonly rows: RowIngest
  readonly rules: Rules
  readonly ruleList: RuleList
  readonly exceptions: Exceptions
  readonly glances: Glances
  /** Where feeds of mistrusted addresses are set. */
  readonly feeds: FeedFollower | undefined
  readonly requests: Requests
  readonly requestSettings: RequestSettings
  readonly scores: ScoreBook
  readonly verdicts: VerdictCounts
  readonly habits: Habits
  readonly feedback: RequestFeedback
  readonly calibrations: Calibrations
  readonly policies: Policies
  readonly dryRuns: DryRuns
  readonly groups: Groups
  readonly configs: HostConfigs
  readonly orders: StandingOrders
  readonly drills: Drills
  readonly notices: NoticeQueue
  readonly channels: Channels
}

/** What a signer may take for its answer. */
const signerMsMax = 10_000

export async function openRooms(books: Books, ends: AsyncDisposableStack): Promise<Rooms> {
  const { config, dir, keysDir, deployment, registry, ledgers } = books
  const { checkActive: checkTenant } = registry
  const vouching = createVouching(books)
  const keys = await openKeyRegistry({ ...books, vouching, versionOf: (tenant) => ledgers.get(tenant).registry })
  const presence = await openHostWatch({
    ...books,
    keys,
    ledgerSeq: (chain) => ledgers.get(auditTenant).position(chain).nextSeq,
  })
  const hostKeys = {
    given: keys.given,
    hostRevoked: (hostId: string, at: string) => {
      keys.hostRevoked(hostId, at)
      presence.forget(hostId)
    },
  }
  const hostLifetimeMs = config.hostCertificateSeconds * 1000
  const operatorCa = config.caFile === '' ? undefined : { file: config.caFile, names: serverNames(config) }
  const opened = {
    ...books,
    ...(operatorCa && { operatorCa }),
    hostLifetimeMs,
    dir: keysDir,
    deployment: deployment.name,
    keys: hostKeys,
    checkTenant,
  }
  const identity = await openIdentity(opened)
  const access = await openAccess({ ...books, stateOf: registry.stateOf })
  const origin = { url: config.publicOrigin }
  const signIn = await openSignIn({
    ...books,
    ...access,
    plan: books.provider,
    origin: () => origin.url,
    limits: { idleMinutes: config.sessionIdleMinutes, hours: config.sessionHours },
  })
  const trustRoots = await openTrustRoots(books)
  const manifests = createManifests({ ...books, roots: trustRoots, deployment: deployment.name })
  const signoffs = createSignoffs({
    ...books,
    origin: ledgers.root.origin,
    sign: (statement) => signSignoff(statement, ledgers.dsseSigners, AbortSignal.timeout(signerMsMax)),
  })
  const roomMax = { items: config.quarantineItems, bytes: config.quarantineMegabytes * 1_000_000 }
  const alarms = createForgedAlarms(books)
  const opening = openQuarantine({ ...books, dir: join(dir, 'quarantine'), roomMax, alarms })
  const quarantine = ends.adopt(await opening, ({ close }) => close())
  const strictness = await openStrictness({
    ...books,
    manifests,
    vouching,
    switchesSince: vouching.switchesSince,
    acknowledged: vouching.acknowledged,
    acknowledgement: config.strictSignatures === 'true' ? undefined : config.strictSignaturesAcknowledgement,
    tenants: () => ledgers.tenants,
    sizeOf: (tenant) => ledgers.get(tenant).size,
  })
  const { isStrict } = strictness
  const examinations = createKeyExaminations({
    ...books,
    ledgerOf: ledgers.get,
    origin: ledgers.root.origin,
    sign: (statement) => signKeyReport(statement, ledgers.dsseSigners, AbortSignal.timeout(signerMsMax)),
  })
  const rules = await openRules({ ...books, ruleFolders: ruleFoldersOf(config) })
  const exceptions = createExceptions({ ...books, rules })
  const requestSettings = createRequestSettings(books)
  const scores = createScoreBook(books)
  const verdicts = createVerdictCounts(books)
  const feedback = createRequestFeedback(books)
  const habits = await openHabits(books)
  for (const tenant of ledgers.tenants) {
    await exceptions.load(tenant)
    await requestSettings.load(tenant)
  }
  const glances = createGlances(rules)
  const { feedPlan } = books
  const feeds = feedPlan && (await openFeeds({ ...books, config: feedPlan, dir: join(dir, 'feeds') }))
  const rowBook = createRowBook()
  const replays = createReplays({ ...books, quarantine, keys, isStrict })
  const { admitUnverified } = replays
  const ingest = createIngest({ ...books, rowBook, quarantine, keys, isStrict, admitUnverified, look: glances.look })
  const admission = createAdmission({ ...books, ingest, rowBook, keys, linesPerSecond: config.tenantLinesPerSecond })
  const rows = createRowIngest({ ...books, rowBook, quarantine, keys, isStrict })
  const rehearsals = createRehearsals(books.clock, (tenant) => configs.changed(tenant))
  const configs: HostConfigs = createHostConfigs({
    ...books,
    rehearsals,
    groups: () => groups,
    presence,
    signer: () => identity.authority.dsseSigner,
  })
  const groups = createGroups({ ...books, vouching: createFleetVouching(books), changed: configs.changed })
  const orders = createStandingOrders({
    ...books,
    groups,
    signer: () => identity.authority.dsseSigner,
    changed: configs.changed,
  })
  const policies = createPolicies({
    ...books,
    checks: books.policyChecks,
    origin: ledgers.root.origin,
    sign: policySigner(ledgers.dsseSigners),
    changed: configs.changed,
  })
  const dryRuns = createDryRuns({ ...books, openSide: books.side.open })
  const drills = createDrills({
    ...books,
    rehearsals,
    ledgerOf: ledgers.get,
    origin: ledgers.root.origin,
    sizeOf: (tenant) => ledgers.get(tenant).size,
    sign: (statement) => signDrill(statement, ledgers.dsseSigners, AbortSignal.timeout(signerMsMax)),
  })
  const send = createSend({
    ...books,
    call: noticeCall(books.noticePlaces, books.clock),
    mail: books.mailPlan && createSendMail(books.mailPlan, books.clock),
    admins: async (tenant) => {
      const people = await signIn.people.find(access.grants.adminsOf(tenant))
      return people.flatMap(({ email, disabledAt }) => (disabledAt === null ? [email] : []))
    },
  })
  const notices = createNoticeQueue({ ...books, send, origin: () => origin.url })
  return {
    ...books,
    keyRegistry: keys,
    trustRoots,
    manifests,
    signoffs,
    examinations,
    trust: await openTrust({ ...books, keys, trustRoots, manifests, authority: identity.authority }),
    strictness,
    trustStore: watchTrustStore({ ...books, keys, path: config.trustStore, checkTenant: registry.checkOpen }),
    quarantine,
    identity,
    presence,
    access,
    signIn,
    origin,
    replays,
    ingest,
    rowBook,
    admission,
    rows,
    rules,
    ruleList: createRuleList({ ...books, rules }),
    exceptions,
    glances,
    feeds,
    requestSettings,
    scores,
    verdicts,
    habits,
    feedback,
    calibrations: createCalibrations({ ...books, scores, feedback, exceptions, settings: requestSettings }),
    requests: createRequests({
      ...books,
      exceptions,
      scores,
      verdicts,
      habits,
      settings: requestSettings,
      reputation: feeds?.reputation,
    }),
    policies,
    dryRuns,
    groups,
    configs,
    orders,
    drills,
    notices,
    channels: createChannels({ ...books, send, hasMail: books.mailPlan !== undefined }),
  }
}
