// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { join } from 'node:path'
import process from 'node:process'
import {
  confine,
  crashQuietly,
  createLog,
  dropPrivileges,
  isSealwatchError,
  messageOf,
  placesOf,
  readConfig,
  readStandardInput,
  refuseForeignEnvironment,
  systemClock,
  systemDisk,
  together,
} from '@sealwatch/base'
import {
  auditSignerSettings,
  chooseSigner,
  prepareSigner,
  readSignerSettings,
  signerPlaces,
  withHanded,
} from '@sealwatch/keys'
import { readAccess } from './access.ts'
import { proxyConfigPrefix, signingProxySettings } from './config.ts'
import { runProxy } from './run.ts'

process.stdout.on('error', () => undefined)
const log = createLog('signing-proxy', (line) => process.stdout.write(line), systemClock.nowMs)

try {
  refuseForeignEnvironment(process.env)
  const config = readConfig(signingProxySettings, process.env, proxyConfigPrefix)
  const plan = chooseSigner(readSignerSettings(withHanded(process.env, readStandardInput)))
  // AWS's client looks for its settings there long after; the user that this process becomes may have none.
  process.env.HOME ??= process.getuid?.() === 0 ? '/root' : '/nonexistent'
  for (const { env, secret } of Object.values(auditSignerSettings)) if (secret === true) delete process.env[env]
  // Everything that may be root's alone is read before root is given up.
  const { active, callers, tls } = readAccess(config, plan)
  const root = join(import.meta.dirname, '../../..')
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  for (const alarm of plan.alarms) log.critical(alarm)
  const { env } = process
  const used = signerPlaces(plan, env)
  const confined = confine(typeof used === 'string' ? used : placesOf({ ...used, env, folders: [config.dataDir] }), log)
  const open = await prepareSigner(active, { required: plan.required, clock: systemClock })
  flushCompileCache()
  dropPrivileges(config)
  const hardening = together(confined, crashQuietly(log))
  process.umask(0o077)
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort(name))
  const { successor } = plan
  const given = { clock: systemClock, disk: systemDisk, log, signal: stop.signal }
  await runProxy({ config, version, hardening, open, successor, callers, tls, ...given })
  process.exit(0)
} catch (error) {
  const code = isSealwatchError(error) ? error.code : undefined
  log.critical(`the signing proxy stops: ${messageOf(error)}`, { code, error })
  process.exit(1)
}
