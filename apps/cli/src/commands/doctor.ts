// SPDX-License-Identifier: Apache-2.0

import { withAdmin } from '../admin.ts'
import { trustOf } from '../audit/trust.ts'
import { command, exit, integer } from '../command.ts'
import { acts } from '../doctor/acts.ts'
import { checkInstance } from '../doctor/checks.ts'
import { probeAct } from '../doctor/probe.ts'
import { isRed, type Row, remedyOf, renderRows } from '../doctor/row.ts'
import { cliError } from '../errors.ts'
import { gatherStatus, type InstanceStatus } from '../status/gather.ts'
import { siteWords } from '../status/site-words.ts'
import { progressLine, safeJson } from '../terminal.ts'

export const doctor = command({
  name: 'doctor',
  summary: 'Do what each sensor site watches, and read it back with its proof',
  about: `For every site a small program does the act under a random name. Doctor then asks the control plane for the
event and verifies its proof offline with the pinned keys. A red row is a blind spot. What the sensor cannot see without BPF, and says so, is
marked with a dash and fails nothing. Two sites are not tried, for nothing harmless does what they see: module (a kernel module is loaded) and
policy (a connection is refused); the status says whether they are attached.`,
  options: {
    timeout: integer({
      takes: 'MS',
      help: 'How long to wait for each event (default: 5000)',
      min: 100,
      max: 60_000,
      absent: 5000,
    }),
  },
  examples: ['sudo ./sealwatch doctor', "sudo ./sealwatch doctor --json | jq '.rows[] | select(.ok == false)'"],
  run: async ({ timeout }, _operands, { io, place, json }) => {
    const status = await gatherStatus(place, io.uid, io.clock.nowMs())
    if (status.joined !== null)
      throw cliError('CLI_NOT_RUNNING', {
        attempted: 'probing the sensor sites',
        received: `a machine that has joined ${status.joined}`,
        advice: 'What its sensor sees is in the ledger there: sealwatch host show HOST; here: sudo ./sealwatch status',
      })
    const { vkeys } = await trustOf(undefined, place)
    const checks = await checkInstance(status, io.clock.nowMs())
    const progress = progressLine(io)
    progress.show('probing every site …')
    const fromLeaf = status.server?.ledgers.find(({ tenant }) => tenant === 'default')?.size ?? 0
    const sensorPid = status.parts.find(({ name }) => name === 'sensor')?.pid ?? null
    const probing = { sensorPid, modes: status.sensor?.modes, io, place, trust: vkeys, fromLeaf, timeoutMs: timeout }
    const probes = await withAdmin(place, 'probing the sensor sites', (admin) =>
      Promise.all(acts.map((act) => probeAct(act, { ...probing, admin }))),
    ).finally(progress.end)
    const rows = [...checks, ...probes.map((row) => withReason(row, status))]
    const ok = !rows.some(isRed)
    const told = rows.map((row) => (isRed(row) ? { ...row, remedy: remedyOf(row) } : row))
    io.out(json ? `${safeJson({ ok, rows: told })}\n` : renderRows(rows, io))
    return ok ? exit.ok : exit.finding
  },
})

/** A blind spot that the sensor itself knows of says why, and a site of two tiers which of them tells. */
function withReason(row: Row, { sensor }: InstanceStatus): Row {
  const site = sensor?.sites[row.name]
  return !site?.reason ? row : { ...row, detail: `${row.detail}${row.ok ? '; ' : ': '}${siteWords(site)}` }
}
