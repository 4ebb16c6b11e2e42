// SPDX-License-Identifier: Apache-2.0

import { command, commonOptions, exit } from '../command.ts'
import { helpOf, optionRows, overview } from '../help.ts'
import { parse } from '../parse.ts'
import { safeJson } from '../terminal.ts'

export const help = command({
  name: 'help',
  summary: 'Explain a command, or list all',
  operands: [
    { name: 'COMMAND', required: false },
    { name: 'SUBCOMMAND', required: false },
  ],
  options: {},
  examples: ['./sealwatch help', './sealwatch help audit verify'],
  run: async (_options, operands, { io, json, table }) => {
    const named = operands.length === 0 ? undefined : parse([...operands, '--help'], table).command
    if (!json) {
      io.out(named === undefined ? overview(table) : helpOf(named))
      return exit.ok
    }
    const rows = (named === undefined ? table : [named]).map((row) => ({
      name: row.name,
      summary: row.summary,
      options: optionRows({ ...row.options, ...commonOptions }).map(([option, about]) => ({ option, about })),
    }))
    io.out(`${safeJson(rows)}\n`)
    return exit.ok
  },
})
