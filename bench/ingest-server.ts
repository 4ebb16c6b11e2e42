// SPDX-License-Identifier: Apache-2.0
// `node bench/ingest-server.ts DIR`: the whole control plane over DIR, on a free port or the one that is set, until SIGTERM.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { createLog, readConfig, systemClock, systemDisk, together } from '@sealwatch/base'
import { openRequestModel } from '@sealwatch/detect/open-judge'
import { chooseSigner, prepareSigners, readSignerSettings } from '@sealwatch/keys'
import { kmsMasterKey } from '@sealwatch/keys/sealing'
import { openApiSocket } from '../apps/server/src/api/index.ts'
import { runServer } from '../apps/server/src/compose.ts'
import { serverConfigPrefix, serverSettings } from '../apps/server/src/config.ts'
import { readRequestRules, readRuleFiles, standardRules } from '../apps/server/src/detect/index.ts'
import { prepareIndexThread } from '../apps/server/src/ingest/index.ts'
import { preparePolicyChecks } from '../apps/server/src/policies/index.ts'

const dir = process.argv[2] as string
mkdirSync(dir, { recursive: true })
const port = process.env.SEALWATCH_SERVER_PORT ?? '0'
const settings = { SEALWATCH_SERVER_DATA_DIR: dir, SEALWATCH_SERVER_RUN_DIR: dir, SEALWATCH_SERVER_PORT: port }
const stop = new AbortController()
process.once('SIGTERM', () => stop.abort('SIGTERM'))
const log = createLog('server', (line) => process.stdout.write(line), systemClock.nowMs)
await runServer({
  config: readConfig(serverSettings, { ...process.env, ...settings }, serverConfigPrefix),
  api: await openApiSocket(join(dir, 'api.sock'), systemClock),
  hardening: together(),
  indexThread: await prepareIndexThread(),
  policyChecks: await preparePolicyChecks({ clock: systemClock, log }),
  kms: kmsMasterKey({ clock: systemClock }),
  ruleFiles: readRuleFiles(standardRules),
  requestRules: readRequestRules(''),
  requestModel: openRequestModel(),
  signers: await prepareSigners(chooseSigner(readSignerSettings({})), systemClock),
  provider: undefined,
  witnessPolicy: undefined,
  noticePlaces: { origins: new Set() },
  mailPlan: undefined,
  clock: systemClock,
  disk: systemDisk,
  log,
  signal: stop.signal,
})
process.exit(0)
