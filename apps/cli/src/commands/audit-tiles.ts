// SPDX-License-Identifier: Apache-2.0

import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { verifyEd25519, verifyRsa } from '@sealwatch/keys'
import { createTileWriter, formatVkey, type Header, sha256, verifyBundle } from '@sealwatch/ledger'
import { withBundle } from '../audit/bundle-file.ts'
import { trustOf } from '../audit/trust.ts'
import { command, exit, text } from '../command.ts'
import { cliError, fileError } from '../errors.ts'
import { counted, safe, safeJson } from '../terminal.ts'

export const auditTiles = command({
  name: 'audit tiles',
  summary: 'Write a whole ledger as C2SP tlog-tiles, for tools that are not ours',
  about: `Verifies a complete bundle (audit export --all) and writes its ledger as static files: checkpoint, hash tiles, entry
bundles, and the verifier key that signed. docs/formats/tiles.md shows how Go's own packages verify them.`,
  operands: [{ name: 'FILE', required: true }],
  options: {
    output: text({ takes: 'DIR', short: 'o', help: 'Where to write; it must not exist yet' }),
    trust: text({ takes: 'KEY,…|FILE', help: 'Verifier keys (name+hash+base64), a file of them, or a trust.json' }),
  },
  examples: ['./sealwatch audit tiles trail.bundle -o tiles'],
  run: async ({ output, trust }, [path = ''], { io, place, json }) => {
    const attempted = 'writing tiles'
    if (output === undefined) throw cliError('CLI_USAGE', { attempted, advice: 'Name the directory: -o DIR' })
    const { vkeys } = await trustOf(trust, place)
    const partial = `${output}.partial`
    if (existsSync(output)) throw fileError(output, { code: 'EEXIST' })
    try {
      await mkdir(partial)
      const writer = createTileWriter(partial)
      let header: Header | undefined
      let record: Buffer | undefined
      let due: Promise<void> = Promise.resolve()
      const onHeader = (found: Header, bytes: Uint8Array) => {
        header = found
        record = Buffer.concat([bytes, Buffer.from('\n')])
      }
      const report = await withBundle(path, io, (chunks) =>
        verifyBundle(
          paced(chunks, () => due),
          {
            sha256,
            verify: verifyEd25519,
            verifyRsa,
            trust: vkeys,
            onHeader,
            onLine: (_line, _leaf, { bytes, hash }) => {
              due = due.then(() => writer.add(bytes, hash))
            },
          },
        ),
      )
      await due
      if (!report.ok || header === undefined || record === undefined || !report.complete) {
        const received = report.problem?.message ?? `a bundle that withholds ${counted(report.withheld, 'line')}`
        throw cliError('CLI_NOT_WHOLE', { attempted, received })
      }
      await writeFile(join(partial, 'vkey'), `${formatVkey(header.notedBy)}\n`)
      await writeFile(join(partial, 'header.json'), record)
      await writer.finish(header.note)
      await rename(partial, output)
      const { size, origin } = report
      io.out(
        json
          ? `${safeJson({ directory: output, size, origin, vkey: formatVkey(header.notedBy), trust: report.trust })}\n`
          : `Wrote ${safe(output)}: ${counted(size, 'entry', 'entries')} of ${safe(origin ?? '')}, signed by the key in ${safe(join(output, 'vkey'))}\n`,
      )
      return exit.ok
    } catch (cause) {
      const { syscall } = cause as NodeJS.ErrnoException
      if (syscall !== 'mkdir') await rm(partial, { recursive: true, force: true })
      if (syscall === undefined) throw cause
      throw fileError(output, cause)
    }
  },
})

/** Reads on only when what was read is written, so that a large bundle does not wait in memory. */
async function* paced(chunks: AsyncIterable<Uint8Array>, settled: () => Promise<void>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    yield chunk
    await settled()
  }
}
