// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from 'node:fs'
import { hostname, release } from 'node:os'
import { join } from 'node:path'
import type { Clock, ConfigOf, Disk, Hardening, Log } from '@sealwatch/base'
import { createHealth, type Health, listenForHealth, showHardening } from '@sealwatch/base/health'
import type { OpenedModel } from '@sealwatch/detect/open-judge'
import type { ReputationConfig } from '@sealwatch/detect/reputation'
import type { PreparedSigners } from '@sealwatch/keys'
import type { KmsMasterKey } from '@sealwatch/keys/sealing'
import type { Policy } from '@sealwatch/ledger'
import type { OidcPlan } from '../access/index.ts'
import type { ApiSocket, DashboardFile } from '../api/index.ts'
import type { serverSettings } from '../config.ts'
import { type Deployment, openDeployment } from '../deployment.ts'
import type { RequestRules, RuleFile } from '../detect/index.ts'
import type { ServerVoice } from '../identity/index.ts'
import type { IndexPort, IndexThread } from '../ingest/index.ts'
import type { MailPlan, NoticePlaces } from '../notify/index.ts'
import type { PolicyChecks } from '../policies/index.ts'
import { createOutbox, type Outbox, openStore, type Store } from '../store/index.ts'
import { serverVersion } from '../version.ts'

export type ServerOptions = {
  readonly config: ConfigOf<typeof serverSettings>
  /** What protects this process. */
  readonly hardening: Hardening
  readonly api: ApiSocket
  readonly indexThread: IndexThread
  readonly policyChecks: PolicyChecks
  readonly kms: KmsMasterKey
  /** Of the program. */
  readonly ruleFiles: readonly RuleFile[]
  /** By which requests of services are judged. */
  readonly requestRules: RequestRules
  readonly requestModel: OpenedModel
  /** Rings when somebody asks that what lies in files be read anew (SIGHUP). */
  readonly reload?: { wait(signal: AbortSignal): Promise<void> }
  readonly dashboard?: readonly DashboardFile[] | undefined
  readonly signers: PreparedSigners
  /** Through whom people sign in; undefined: nobody is set. */
  readonly provider: OidcPlan | undefined
  readonly witnessPolicy: Policy | undefined
  /** Where webhooks may lead besides public places. */
  readonly noticePlaces: NoticePlaces
  /** Feeds of addresses that are mistrusted; undefined: none are set. */
  readonly feedPlan?: ReputationConfig | undefined
  /** By which mail leaves; undefined: none is set. */
  readonly mailPlan: MailPlan | undefined
  readonly clock: Clock
  readonly disk: Disk
  readonly log: Log
  readonly signal: AbortSignal
  /** Agents and people may come. */
  readonly onServing?: () => void
}

/** What every room stands on. Each stage of the start hands on what it was given, and adds its own. */
export type Base = ServerOptions & {
  /** The folder of all that is kept. */
  readonly dir: string
  readonly keysDir: string
  readonly deployment: Deployment
  readonly health: Health
  /** Where /healthz, /readyz and /metrics are. */
  readonly healthUrl: string
  readonly store: Store
  readonly index: IndexPort
  readonly outbox: Outbox
  readonly voice: ServerVoice
}

/** What is opened is closed in the reverse order, by `ends`. */
export async function openBase(options: ServerOptions, ends: AsyncDisposableStack): Promise<Base> {
  const { config, clock, disk, log } = options
  const dir = config.dataDir
  const keysDir = join(dir, 'keys')
  await disk.makeDirectory(keysDir)
  const health = createHealth({ component: 'server', version: serverVersion, clock, log })
  showHardening(health, options.hardening)
  const place = { address: config.healthAddress, port: config.healthPort, hosts: config.healthHosts }
  const listener = ends.adopt(await listenForHealth(health, place), ({ close }) => close())
  const deployment = await openDeployment(dir, disk)
  const store = ends.adopt(openStore(dir, options.indexThread.rewrite), ({ close }) => close())
  const index = ends.adopt(await options.indexThread.open(store.indexPath), ({ close }) => close())
  ends.use(options.policyChecks)
  const outbox = createOutbox(store, clock)
  const voice = voiceOf(deployment)
  return { ...options, dir, keysDir, deployment, health, healthUrl: listener.url, store, index, outbox, voice }
}

function voiceOf({ name }: Deployment): ServerVoice {
  return {
    device: {
      uid: name,
      hostname: hostname(),
      type_id: 0,
      type: 'Unknown',
      boot_uid: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
      os: { name: 'Linux', type_id: 200, type: 'Linux', kernel_release: release() },
    },
    version: serverVersion,
  }
}
