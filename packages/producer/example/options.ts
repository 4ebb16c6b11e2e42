// SPDX-License-Identifier: Apache-2.0

import { accessSync, constants } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Service } from './service.ts'

export const usage = `Usage: node packages/producer/example/main.ts [OPTIONS]

  --url URL     Where the API of the control plane listens (sudo ./sealwatch status)
  --token FILE  A token that may rows:write for this service (sudo ./sealwatch token create)
  --key FILE    Private key in PEM, or a link to one; its name without .pem is the id that it was added under
  --database F  SQLite database of the service (default: service.sqlite)
  --rate N      Rows a second (default: 10000)
`
const text = { type: 'string' } as const
const options = { url: text, token: text, key: text, database: text, rate: text } as const

/** `help`: it was asked for. Throws with what is wrong of which option. */
export function readOptions(args: string[]): Omit<Service, 'onMetrics' | 'onError' | 'clock'> | 'help' {
  const { values } = parseArgs({ args, options: { ...options, help: { type: 'boolean', short: 'h' } } })
  const { url, token, key, database = 'service.sqlite', rate = '10000', help } = values
  if (help) return 'help'
  if (url === undefined) throw new Error('--url is missing')
  if (!/^[1-9]\d{0,5}$/.test(rate)) throw new Error(`--rate ${rate} is no number of rows from 1 to 999999`)
  return { url, token: readable('token', token), key: readable('key', key), database, rowsPerSecond: Number(rate) }
}

function readable(option: string, path: string | undefined): string {
  if (path === undefined) throw new Error(`--${option} is missing`)
  try {
    accessSync(path, constants.R_OK)
  } catch (cause) {
    throw new Error(`--${option} ${path} cannot be read: ${(cause as NodeJS.ErrnoException).code}`, { cause })
  }
  return path
}
