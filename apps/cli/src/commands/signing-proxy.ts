// SPDX-License-Identifier: Apache-2.0

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { chooseSigner, handedMark, isSecretVariable, isSignerVariable, readSignerSettings } from '@sealwatch/keys'
import { command, exit, flag } from '../command.ts'
import { cliError } from '../errors.ts'
import { closedAncestor, ensureFolder, prepareData } from '../supervise/layout.ts'
import { plainFlags } from '../supervise/node-start.ts'
import { plainEnv } from '../supervise/parts.ts'
import { serviceUsers } from '../supervise/users.ts'

const prefix = 'SEALWATCH_PROXY_'
/** What chooses another keeper than the mock; whether this is production stays what it is. */
const namesKeeper = (name: string) => /^(AUDIT_SIGNING_|SIGNING_PROXY_)/.test(name)
/** SIG-3: what CI signs with; refused in production by its text as well as by its name. */
const mockVariables = { MOCK_AUDIT_SIGNING_KEY: 'mock-audit-signing-key' } as const

export const signingProxy = command({
  name: 'signing-proxy',
  summary: 'Sign for servers that may not hold the key themselves',
  about: `Runs in the foreground until Ctrl-C, on 127.0.0.1:8081 unless SEALWATCH_PROXY_HOST and _PORT say otherwise. It
signs with what AUDIT_SIGNING_… in its environment names, for the callers that SEALWATCH_PROXY_CALLERS_FILE lists, and
records every signature before it is returned. docs/formats/signing-proxy.md has the settings and the protocol.`,
  options: { mock: flag('For tests: sign with the mock, for anyone on this machine, with the API key `mock`') },
  examples: ['sudo -E ./sealwatch signing-proxy', './sealwatch signing-proxy --mock --data /tmp/proxy'],
  run: async ({ mock }, _operands, { io, place }) => {
    const operators = Object.entries(io.env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined &&
        (entry[0].startsWith(prefix) || isSignerVariable(entry[0])) &&
        !(mock && namesKeeper(entry[0])),
    )
    const env: Record<string, string> = { ...plainEnv(io.env), ...Object.fromEntries(operators) }
    if (mock) Object.assign(env, mockVariables)
    chooseSigner(readSignerSettings(env))
    const dataDir = env.SEALWATCH_PROXY_DATA_DIR ?? join(place.data, 'signing-proxy')
    if (env.SEALWATCH_PROXY_DATA_DIR === undefined) {
      if (io.uid === 0) {
        prepareData(place)
        const closed = closedAncestor(place)
        if (closed !== undefined) {
          const advice = `Choose another with --data DIR, or: chmod o+x ${closed}`
          throw cliError('CLI_DATA_UNUSABLE', { attempted: `opening ${place.data} to the proxy's user`, advice })
        }
        ensureFolder(place.data, 'signing-proxy', serviceUsers.signingProxy, 0o700)
      } else mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    }
    const { uid, gid } = serviceUsers.signingProxy
    const own = {
      SEALWATCH_PROXY_DATA_DIR: dataDir,
      SEALWATCH_PROXY_UID: env.SEALWATCH_PROXY_UID ?? String(uid),
      SEALWATCH_PROXY_GID: env.SEALWATCH_PROXY_GID ?? String(gid),
    }
    const main = join(io.root, 'apps/signing-proxy/src/main.ts')
    const [secrets, open] = [true, false].map((isSecret) =>
      Object.fromEntries(Object.entries(env).filter(([name]) => isSecretVariable(name) === isSecret)),
    )
    const child = spawn(process.execPath, [...plainFlags, main], {
      cwd: '/',
      env: { ...open, ...own, ...handedMark },
      stdio: ['pipe', 'inherit', 'inherit'],
      // A session of its own: Ctrl-C reaches us alone, and we ask it to stop.
      detached: true,
    })
    child.stdin.on('error', () => undefined)
    child.stdin.end(JSON.stringify(secrets))
    const stop = () => child.kill('SIGTERM')
    const kill = () => child.kill('SIGKILL')
    io.stop.addEventListener('abort', stop, { once: true })
    io.kill.addEventListener('abort', kill, { once: true })
    const [code] = (await once(child, 'exit')) as [number | null]
    return code === 0 ? exit.ok : exit.environment
  },
})
