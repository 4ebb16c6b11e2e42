// SPDX-License-Identifier: Apache-2.0

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { witnessError } from '@sealwatch/ledger/witness'
import { command, exit, form, text } from '../command.ts'
import { plainFlags } from '../supervise/node-start.ts'
import { operatorsEnv, plainEnv } from '../supervise/parts.ts'
import { witnessDir } from '../witness/enter.ts'

const address = {
  form: /^(?:[^\s:[\]]+|\[[0-9a-fA-F:]+\]):\d{1,5}$/,
  mustBe: 'HOST:PORT, such as 0.0.0.0:7480 or [::]:7480',
}

export const witnessRun = command({
  name: 'witness run',
  summary: 'Serve the witness, in the foreground',
  about: `Speaks C2SP tlog-witness over HTTP, or over HTTPS with --tls-cert and --tls-key. Logs reach it under the URL that they
have in their policy. Started by root, it becomes the user whose the witness's folder is. Its log is JSON, a line each, on
standard output; all other settings are environment variables (docs/reference/configuration.md).`,
  options: {
    listen: form({ takes: 'HOST:PORT', help: 'Where logs reach it (default: 127.0.0.1:7480)', ...address }),
    health: form({
      takes: 'HOST:PORT',
      help: '/healthz, /readyz, /metrics (default: a free port of 127.0.0.1)',
      ...address,
    }),
    'tls-cert': text({ takes: 'FILE', help: 'Certificate chain, PEM' }),
    'tls-key': text({ takes: 'FILE', help: 'Its private key, PEM' }),
  },
  examples: [
    './sealwatch witness run --listen 0.0.0.0:7480',
    './sealwatch witness run --listen [::]:443 --tls-cert chain.pem --tls-key key.pem',
  ],
  run: async ({ listen, health, 'tls-cert': certificate, 'tls-key': key }, _operands, { io, place }) => {
    const dir = witnessDir(place)
    if (!existsSync(dir)) throw witnessError('WITNESS_ABSENT', { attempted: 'starting the witness', received: dir })
    const env = {
      ...plainEnv(io.env),
      ...operatorsEnv(io.env, (name) => name.startsWith('SEALWATCH_WITNESS_')),
      SEALWATCH_WITNESS_DATA_DIR: dir,
      ...named(listen, 'SEALWATCH_WITNESS_ADDRESS', 'SEALWATCH_WITNESS_PORT'),
      ...named(health, 'SEALWATCH_WITNESS_HEALTH_ADDRESS', 'SEALWATCH_WITNESS_HEALTH_PORT'),
      ...(certificate === undefined ? {} : { SEALWATCH_WITNESS_TLS_CERTIFICATE: resolve(certificate) }),
      ...(key === undefined ? {} : { SEALWATCH_WITNESS_TLS_KEY: resolve(key) }),
    }
    const program = join(io.root, 'apps/witness/src/main.ts')
    const child = spawn(process.execPath, [...plainFlags, program], { env, stdio: 'inherit' })
    const ask = () => child.kill('SIGTERM')
    if (io.stop.aborted) ask()
    io.stop.addEventListener('abort', ask, { once: true })
    io.kill.addEventListener('abort', () => child.kill('SIGKILL'), { once: true })
    const [code] = (await once(child, 'exit')) as [number | null]
    return code === 0 ? exit.ok : exit.environment
  },
})

function named(place: string | undefined, host: string, port: string): Record<string, string> {
  const match = /^\[?([^\]]*)\]?:(\d+)$/.exec(place ?? '')
  return match === null ? {} : { [host]: match[1] as string, [port]: match[2] as string }
}
