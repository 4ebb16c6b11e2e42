// SPDX-License-Identifier: Apache-2.0

import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command, exit, text } from '../command.ts'
import { cliError } from '../errors.ts'
import { safe, safeJson } from '../terminal.ts'

export const auditPage = command({
  name: 'audit page',
  summary: 'Write the page that verifies bundles in a browser',
  about: `One HTML file, for whoever receives your bundles: dropped on it, a bundle is verified by the code of
audit verify, and the proof of each line is drawn. It needs no server, and can reach none.`,
  options: { output: text({ takes: 'FILE', short: 'o', help: 'Where to write it' }) },
  examples: ['./sealwatch audit page -o verify.html'],
  run: async ({ output }, _operands, { io, json }) => {
    const attempted = 'writing the verify page'
    if (output === undefined) throw cliError('CLI_USAGE', { attempted, advice: 'Name the file: -o FILE' })
    const built = join(io.root, 'apps/verify-page/dist/verify.html')
    const page = await readFile(built).catch((cause: NodeJS.ErrnoException) => {
      const received = `${built} (${cause.code})`
      throw cliError('CLI_FILE', { attempted, received, advice: 'Build it: tools/verify-page', cause })
    })
    await writeFile(output, page).catch((cause: NodeJS.ErrnoException) => {
      throw cliError('CLI_FILE', { attempted, received: `${output} (${cause.code})`, cause })
    })
    const sha256 = createHash('sha256').update(page).digest('hex')
    io.out(
      json
        ? `${safeJson({ file: output, bytes: page.length, sha256 })}\n`
        : `Wrote ${safe(output)}: open it in a browser and drop a bundle on it.\n  SHA-256   ${sha256}\n`,
    )
    return exit.ok
  },
})
