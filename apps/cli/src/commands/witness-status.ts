// SPDX-License-Identifier: Apache-2.0

import { systemDisk, takeLock } from '@sealwatch/base'
import { listEvidence, openCosigner } from '@sealwatch/ledger/witness'
import { command, exit } from '../command.ts'
import { paint, safe, safeJson } from '../terminal.ts'
import { enterWitness, witnessDir } from '../witness/enter.ts'
import { logRows } from '../witness/log-rows.ts'

export const witnessStatus = command({
  name: 'witness status',
  summary: 'Show the key of the witness, whether it runs, and what it has against logs',
  about: 'Ends with exit code 1 while there is evidence of a split view that is not settled.',
  options: {},
  examples: ['./sealwatch witness status', "./sealwatch witness status --json | jq '.splitViews'"],
  run: async (_options, _operands, { io, place, json }) => {
    const places = enterWitness(place)
    const { key, vkey } = await openCosigner(systemDisk, places)
    const free = await takeLock(places.lock)
    await free?.release()
    const logs = await logRows(systemDisk, places)
    const { kept, faults } = await listEvidence(systemDisk, places)
    const splitViews = {
      proven: kept.filter(({ report }) => report.proven).length,
      unproven: kept.filter(({ report, settled }) => !report.proven && !settled).length,
      settled: kept.filter(({ settled }) => settled).length,
    }
    const isCalm = splitViews.proven + splitViews.unproven + faults.length === 0
    const running = free === undefined
    if (json) {
      io.out(
        `${safeJson({ name: key.name, key: vkey, data: witnessDir(place), running, logs, splitViews, faults }, 2)}\n`,
      )
      return isCalm ? exit.ok : exit.finding
    }
    const { proven, unproven, settled } = splitViews
    const said = isCalm
      ? `none${settled > 0 ? ` (${settled} settled)` : ''}`
      : paint(io, ['red', 'bold'], `CRITICAL: ${proven} proven, ${unproven} possible`) +
        `, ${settled} settled: ./sealwatch witness evidence`
    io.out(`witness      ${safe(key.name)}, ${running ? 'running' : 'not running'}
key          ${safe(vkey)}
logs         ${logs.length}, ${logs.filter(({ cosignedAt }) => cosignedAt !== null).length} cosigned so far
split views  ${said}
${faults.map((fault) => `damaged      ${safe(fault)}\n`).join('')}`)
    return isCalm ? exit.ok : exit.finding
  },
})
