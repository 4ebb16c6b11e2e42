// SPDX-License-Identifier: Apache-2.0

import { hash, randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { countersignatureType, delegationType } from '@sealwatch/ledger'
import { command, exit, form, text } from '../command.ts'
import { cliError, fileError } from '../errors.ts'
import { safe, safeJson } from '../terminal.ts'

/** What a Sealwatch server has signed. */
const purposes = [delegationType, countersignatureType, 'checkpoint:*'] as const

export const signingProxyKey = command({
  name: 'signing-proxy key',
  summary: 'Make an API key for a caller of the signing proxy',
  about: `The key goes into a file that only its owner may read, and nowhere else: on the server, name it in
SIGNING_PROXY_API_KEY=file:/path. What is printed is the row for the callers file of the proxy, which holds the hash.`,
  options: {
    output: text({ takes: 'FILE', short: 'o', help: 'Where to write the key; it must not exist' }),
    name: form({
      takes: 'NAME',
      help: 'What the proxy calls the caller (default: server)',
      form: /^[a-z0-9][a-z0-9.-]{0,62}$/,
      mustBe: 'lower-case letters, digits, dots and hyphens',
    }),
  },
  examples: ['./sealwatch signing-proxy key -o proxy.key --name server-1'],
  run: async ({ output, name }, _operands, { io, json }) => {
    const attempted = 'making an API key'
    if (output === undefined) throw cliError('CLI_USAGE', { attempted, advice: 'Name the file: -o FILE' })
    const key = `swp_${randomBytes(32).toString('base64url')}`
    await writeFile(output, `${key}\n`, { flag: 'wx', mode: 0o600 }).catch((cause: unknown) => {
      throw fileError(output, cause)
    })
    const row = { name: name ?? 'server', api_key_sha256: hash('sha256', key, 'hex'), purposes }
    io.out(`${json ? safeJson({ file: output, caller: row }) : JSON.stringify(row, undefined, 2)}\n`)
    if (!json) io.err(`The key is in ${safe(output)}; this row goes into "callers" of the callers file.\n`)
    return exit.ok
  },
})
