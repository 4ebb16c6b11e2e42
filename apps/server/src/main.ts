// SPDX-License-Identifier: Apache-2.0

import { flushCompileCache } from 'node:module'
import { join } from 'node:path'
import process from 'node:process'
import {
  confine,
  crashQuietly,
  createBell,
  createLog,
  dropPrivileges,
  isSealwatchError,
  messageOf,
  openServiceManager,
  placesOf,
  readConfig,
  readStandardInput,
  refuseForeignEnvironment,
  systemClock,
  systemDisk,
  together,
} from '@sealwatch/base'
import { openRequestModel } from '@sealwatch/detect/open-judge'
import {
  auditSignerSettings,
  chooseSigner,
  prepareSigners,
  readSignerSettings,
  signerPlaces,
  withHanded,
} from '@sealwatch/keys'
import { kmsMasterKey } from '@sealwatch/keys/sealing'
import { readProvider } from './access/index.ts'
import { dashboardDir, openApiSocket, prepareHttp, readDashboard } from './api/index.ts'
import { runServer } from './compose.ts'
import { ruleFoldersOf, serverConfigPrefix, serverSettings } from './config.ts'
import { feedFiles, readFeedPlan, readRequestRules, readRuleFiles, standardRules } from './detect/index.ts'
import { prepareIndexThread, readWitnessPolicy } from './ingest/index.ts'
import { noticePlaces, readMail } from './notify/index.ts'
import { preparePolicyChecks } from './policies/index.ts'

// A log that cannot be written, on a full disk for one, is no reason to stop watching.
process.stdout.on('error', () => undefined)
const log = createLog('server', (line) => process.stdout.write(line), systemClock.nowMs)

try {
  refuseForeignEnvironment(process.env)
  const manager = openServiceManager(process.env.NOTIFY_SOCKET, log)
  withHanded(process.env, readStandardInput)
  const config = readConfig(serverSettings, process.env, serverConfigPrefix)
  const plan = chooseSigner(readSignerSettings(process.env))
  // AWS's client looks for its settings there long after; the user that this process becomes may have none.
  process.env.HOME ??= process.getuid?.() === 0 ? '/root' : '/nonexistent'
  // What this process starts, and a report of its state, need not know them.
  for (const setting of [...Object.values(auditSignerSettings), ...Object.values(serverSettings)])
    if ('secret' in setting && setting.secret === true) delete process.env[setting.env]
  const provider = readProvider(config)
  const { dataDir, runDir, trustStore, witnessPolicy: policyFile } = config
  const witnessPolicy = policyFile === '' ? undefined : readWitnessPolicy(policyFile)
  const noticed = noticePlaces(config)
  const feedPlan = readFeedPlan(config.reputationFile)
  const mailPlan = readMail(config)
  // The program may lie where only root may go.
  const ruleFiles = readRuleFiles(standardRules)
  const requestRules = readRequestRules(config.requestRulesDir)
  const requestModel = openRequestModel()
  const dashboard = readDashboard(dashboardDir)
  if (dashboard === undefined) log.warn('there is no dashboard: tools/setup builds it')
  // SQLite writes a database anew beside itself, and not where other users write too.
  process.env.SQLITE_TMPDIR = dataDir
  const { env } = process
  const used = signerPlaces(plan, env)
  const places =
    typeof used === 'string'
      ? used
      : placesOf({
          ...used,
          files: [...used.files, trustStore, config.caFile, ...feedFiles(feedPlan)],
          read: [...used.read, ...ruleFoldersOf(config)],
          env,
          folders: [dataDir, runDir],
        })
  const confined = confine(places, log)
  const signers = await prepareSigners(plan, systemClock)
  // The folder of the socket, which only root may enter, is what admits to it.
  const api = await openApiSocket(join(runDir, 'api.sock'), systemClock)
  const kms = kmsMasterKey({ clock: systemClock })
  if (config.masterKmsKeyId !== '') await kms.prepare(config.masterKmsKeyId)
  const indexThread = await prepareIndexThread()
  const policyChecks = await preparePolicyChecks({ clock: systemClock, log })
  await prepareHttp()
  // Its folder belongs to root.
  flushCompileCache()
  dropPrivileges(config)
  const hardening = together(confined, crashQuietly(log))
  process.umask(0o077)
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort(name))
  // It may be its terminal that went.
  const reload = createBell()
  process.on('SIGHUP', reload.ring)
  const { signal } = stop
  await runServer({
    config,
    hardening,
    api,
    indexThread,
    policyChecks,
    kms,
    ruleFiles,
    requestRules,
    requestModel,
    reload,
    dashboard,
    signers,
    provider,
    witnessPolicy,
    noticePlaces: noticed,
    feedPlan,
    mailPlan,
    clock: systemClock,
    disk: systemDisk,
    log,
    signal,
    onServing: () => manager.serving(systemClock, signal),
  })
  process.exit(0)
} catch (error) {
  const code = isSealwatchError(error) ? error.code : undefined
  log.critical(`the server stops: ${messageOf(error)}`, { code, error })
  process.exit(1)
}
