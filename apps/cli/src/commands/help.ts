// SPDX-License-Identifier: Apache-2.0

import { command, commonOptions, exit } from '../command.ts'
import { groupHelp, groupOf, helpOf, optionRows, overview } from '../help.ts'
import { parse } from '../parse.ts'
import { safeJson } from '../terminal.ts'
import { allCommands } from './table.ts'

export const help = command({
  name: 'help',
  summary: 'Explain a command, or list all',
  operands: [
    { name: 'COMMAND', required: false },
    { name: 'SUBCOMMAND', required: false },
    { name: 'SUBCOMMAND', required: false },
  ],
  options: {},
  examples: ['./sealwatch help', './sealwatch help audit verify'],
  run: async (_options, operands, { io, json }) => {
    const table = await allCommands()
    const group = groupOf(operands.join(' '), table)
    const named = operands.length === 0 || group.length > 0 ? undefined : parse([...operands, '--help'], table).command
    if (!json) {
      io.out(named !== undefined ? helpOf(named) : group.length > 0 ? groupHelp(group) : overview(table))
      return exit.ok
    }
    const rows = (named !== undefined ? [named] : group.length > 0 ? group : table).map((row) => ({
      name: row.name,
      summary: row.summary,
      options: optionRows({ ...row.options, ...commonOptions }).map(([option, about]) => ({ option, about })),
    }))
    io.out(`${safeJson(rows)}\n`)
    return exit.ok
  },
})
