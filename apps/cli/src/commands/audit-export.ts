// SPDX-License-Identifier: Apache-2.0

import { open, rename, rm } from 'node:fs/promises'
import type { ExportChunk } from '@sealwatch/contract'
import { withAdmin } from '../admin.ts'
import { command, exit, flag, text } from '../command.ts'
import { instant } from '../entries/since.ts'
import { cliError, fileError } from '../errors.ts'
import { toldIfInterrupted } from '../interrupted.ts'
import type { Io } from '../io.ts'
import { sudoerOf } from '../sudoer.ts'
import { bar, counted, progressLine, safe, safeJson } from '../terminal.ts'
import { tenantOption } from './alerts.ts'

export const auditExport = command({
  name: 'audit export',
  summary: 'Write lines and their proofs into one bundle',
  about:
    'Exactly one of --alert, --incident, --since and --all says what. The bundle verifies offline: ./sealwatch audit verify FILE',
  options: {
    output: text({ takes: 'FILE', short: 'o', help: 'Where to write it' }),
    alert: text({ takes: 'UID', help: 'One alert, with the whole batches of its evidence' }),
    incident: text({ takes: 'ID', help: 'One incident of a guard, with the whole batches of what was told of it' }),
    since: instant('Everything that happened or came in from then on'),
    all: flag('The whole ledger of the tenant'),
    tenant: tenantOption,
    reveal: flag('Also the personal values (user names), in the open'),
  },
  examples: [
    'sudo ./sealwatch audit export --all -o trail.bundle',
    'sudo ./sealwatch audit export --alert UID -o alert.bundle',
    'sudo ./sealwatch audit export --incident inc_0123456789abcdef -o incident.bundle',
  ],
  run: async ({ output, alert, incident, since, all, tenant, reveal }, _operands, { io, place, json }) => {
    const attempted = 'exporting a bundle'
    const chosen = [alert !== undefined, incident !== undefined, since !== undefined, all].filter(Boolean).length
    if (output === undefined) throw cliError('CLI_USAGE', { attempted, advice: 'Name the file: -o FILE' })
    if (chosen !== 1)
      throw cliError('CLI_USAGE', {
        attempted,
        received: `${chosen} of --alert, --incident, --since, --all`,
        advice: 'Give exactly one of them',
      })
    const what =
      alert !== undefined
        ? { case: 'alert' as const, value: alert }
        : incident !== undefined
          ? { case: 'incident' as const, value: incident }
          : since !== undefined
            ? { case: 'since' as const, value: since(io.clock.nowMs()) }
            : { case: 'all' as const, value: true }
    const written = await withAdmin(place, attempted, (admin) =>
      writeBundleFile(output, () => admin.export({ tenant: tenant ?? '', what, reveal }, { signal: io.stop }), io),
    ).catch((error: unknown) => {
      throw toldIfInterrupted(error, io, 'Nothing was written; run it again')
    })
    io.out(
      json
        ? `${safeJson({ file: output, ...written })}\n`
        : `Wrote ${safe(output)}: ${counted(written.lines, 'line')}, ${counted(written.bytes, 'byte')}. Verify it: ./sealwatch audit verify ${safe(output)}\n`,
    )
    return exit.ok
  },
})

/** Under a name of its own until it is whole, so that nobody takes a cut bundle for a finished one. */
export async function writeBundleFile(path: string, call: () => AsyncIterable<ExportChunk>, io: Io) {
  const partial = `${path}.partial`
  const progress = progressLine(io)
  const owner = sudoerOf(io)
  let bytes = 0
  let lines = 0
  const failed = (cause: unknown) => fileError(path, cause)
  // Made anew: what others put there, were it a link, is neither written nor given away.
  await rm(partial, { force: true }).catch(() => undefined)
  const file = await open(partial, 'wx', 0o600).catch((cause: unknown) => {
    throw failed(cause)
  })
  try {
    progress.show('exporting: the server seals what it has, and begins')
    // Called only now: its failure while nobody awaits the first chunk would end the process.
    for await (const { data, linesDone, linesTotal } of call()) {
      await file.writeFile(data).catch((cause: unknown) => {
        throw failed(cause)
      })
      bytes += data.length
      lines = Number(linesDone)
      progress.show(`exporting ${bar(lines, Number(linesTotal))} ${lines} of ${linesTotal} lines`)
    }
    if (owner !== undefined) await file.chown(owner.uid, owner.gid)
    await file.sync()
    await file.close()
    await rename(partial, path).catch((cause: unknown) => {
      throw failed(cause)
    })
    return { lines, bytes }
  } catch (error) {
    await file.close().catch(() => undefined)
    await rm(partial, { force: true })
    throw error
  } finally {
    progress.end()
  }
}
