// SPDX-License-Identifier: Apache-2.0

import { systemDisk } from '@sealwatch/base'
import { command, exit } from '../command.ts'
import { columns, paint, safe, safeJson } from '../terminal.ts'
import { enterWitness } from '../witness/enter.ts'
import { type LogRow, logRows } from '../witness/log-rows.ts'

export const witnessList = command({
  name: 'witness list',
  summary: 'List the logs that the witness follows, and how far',
  options: {},
  examples: ['./sealwatch witness list', './sealwatch witness list --json'],
  run: async (_options, _operands, { io, place, json }) => {
    const rows = await logRows(systemDisk, enterWitness(place))
    if (json) {
      io.out(`${safeJson(rows)}\n`)
      return exit.ok
    }
    const head = ['origin', 'size', 'cosigned', 'keys'].map((name) => paint(io, 'dim', name))
    io.out(
      rows.length === 0 ? 'No logs: ./sealwatch witness add-log --key VKEY\n' : columns([head, ...rows.map(cells)]),
    )
    return exit.ok
  },
})

const cells = ({ origin, size, cosignedAt, keys }: LogRow): string[] => [
  safe(origin),
  String(size),
  cosignedAt ?? 'never',
  String(keys.length),
]
