// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { join } from 'node:path'
import process from 'node:process'
import {
  crashQuietly,
  createLog,
  dropPrivileges,
  isSealwatchError,
  messageOf,
  readConfig,
  systemClock,
  systemDisk,
} from '@sealwatch/base'
import { auditSignerSettings, chooseSigner, prepareSigners, readSignerSettings, withHanded } from '@sealwatch/keys'
import { kmsMasterKey } from '@sealwatch/keys/sealing'
import { readProvider } from './access/index.ts'
import { dashboardDir, openApiSocket, prepareHttp, readDashboard } from './api/index.ts'
import { runServer } from './compose.ts'
import { serverConfigPrefix, serverSettings } from './config.ts'
import { readRuleFiles, standardRules } from './detect/index.ts'
import { prepareIndexThread, readWitnessPolicy } from './ingest/index.ts'
import { preparePolicyChecks } from './policies/index.ts'

// A log that cannot be written, on a full disk for one, is no reason to stop watching.
process.stdout.on('error', () => undefined)
const log = createLog('server', (line) => process.stdout.write(line), systemClock.nowMs)

try {
  withHanded(process.env, () => readFileSync(0))
  const config = readConfig(serverSettings, process.env, serverConfigPrefix)
  const plan = chooseSigner(readSignerSettings(process.env))
  // AWS's client looks for its settings there long after; the user that this process becomes may have none.
  process.env.HOME ??= process.getuid?.() === 0 ? '/root' : '/nonexistent'
  // What this process starts, and a report of its state, need not know them.
  for (const setting of [...Object.values(auditSignerSettings), ...Object.values(serverSettings)])
    if ('secret' in setting && setting.secret === true) delete process.env[setting.env]
  const provider = readProvider(config)
  const signers = await prepareSigners(plan, systemClock)
  // Both lie where only root may go: the socket's folder is what admits to it, and the rules and the dashboard lie with the program.
  const api = await openApiSocket(join(config.runDir, 'api.sock'), systemClock)
  const { witnessPolicy: policyFile } = config
  const witnessPolicy = policyFile === '' ? undefined : readWitnessPolicy(policyFile)
  const ruleFiles = readRuleFiles(config.rulesDir === '' ? standardRules : config.rulesDir)
  const dashboard = readDashboard(dashboardDir)
  if (dashboard === undefined) log.warn('there is no dashboard: tools/setup builds it')
  const kms = kmsMasterKey({ clock: systemClock })
  if (config.masterKmsKeyId !== '') await kms.prepare(config.masterKmsKeyId)
  const indexThread = await prepareIndexThread()
  const policyChecks = await preparePolicyChecks({ clock: systemClock, log })
  await prepareHttp()
  // Its folder belongs to root.
  flushCompileCache()
  dropPrivileges(config)
  crashQuietly(log)
  process.umask(0o077)
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort(name))
  const { signal } = stop
  await runServer({
    config,
    api,
    indexThread,
    policyChecks,
    kms,
    ruleFiles,
    dashboard,
    signers,
    provider,
    witnessPolicy,
    clock: systemClock,
    disk: systemDisk,
    log,
    signal,
  })
  process.exit(0)
} catch (error) {
  const code = isSealwatchError(error) ? error.code : undefined
  log.critical(`the server stops: ${messageOf(error)}`, { code, error })
  process.exit(1)
}
