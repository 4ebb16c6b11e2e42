// SPDX-License-Identifier: Apache-2.0

import { once } from 'node:events'
import { flushCompileCache } from 'node:module'
import process from 'node:process'
import {
  crashQuietly,
  createLog,
  dropPrivileges,
  isSealwatchError,
  messageOf,
  readConfig,
  readStandardInput,
  systemClock,
} from '@sealwatch/base'
import { devLoginConfigPrefix, devLoginSettings } from './config.ts'
import { handedSecret } from './handed.ts'
import { openDoor } from './listen.ts'

process.stdout.on('error', () => undefined)
const log = createLog('dev-login', (line) => process.stdout.write(line), systemClock.nowMs)
// The library speaks there, of what it would have otherwise in production.
console.info = console.warn = console.error = (text: unknown) => log.info(String(text))

try {
  const config = readConfig(devLoginSettings, process.env, devLoginConfigPrefix)
  const clientSecret = handedSecret(readStandardInput())
  const { createDevProvider } = await import('./provider.ts')
  const door = await openDoor(config.port)
  flushCompileCache()
  dropPrivileges(config)
  crashQuietly(log)
  const { issuer } = door
  const provider = await createDevProvider({ issuer, origin: config.origin, clientSecret, clock: systemClock, log })
  door.serve((request, response) => {
    provider(request, response).catch((error: unknown) => {
      log.error(`a request failed: ${messageOf(error)}`, { error })
      response.destroy()
    })
  })
  log.warn('THE BUILT-IN PROVIDER IS FOR THIS MACHINE ALONE: it asks nobody for a password (docs/sign-in.md)', {
    issuer,
  })
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort(name))
  await once(stop.signal, 'abort')
  await door.close()
  process.exit(0)
} catch (error) {
  const code = isSealwatchError(error) ? error.code : undefined
  log.critical(`the built-in provider stops: ${messageOf(error)}`, { code, error })
  process.exit(1)
}
