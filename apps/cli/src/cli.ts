// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError, toSeconds } from '@sealwatch/base'
import { exit } from './command.ts'
import { allCommands, commandsFor } from './commands/table.ts'
import { exitCodeOf, explain } from './errors.ts'
import { groupHelp, groupOf, helpOf, overview } from './help.ts'
import { toldIfInterrupted } from './interrupted.ts'
import type { Io } from './io.ts'
import { parse, wantsJson } from './parse.ts'
import { placeOf } from './place.ts'
import { paint, safe, safeJson } from './terminal.ts'

/** Runs one command line; resolves with the exit code and never rejects. */
export async function run(given: readonly string[], io: Io): Promise<number> {
  try {
    const [first, ...rest] = given
    if (first === undefined || isHelp(first)) {
      io.out(overview(await allCommands()))
      return exit.ok
    }
    const args = first === '--version' ? ['version', ...rest] : given
    const table = await commandsFor(args)
    const end = args.findIndex(isHelp)
    const group = end === -1 ? [] : groupOf(args.slice(0, end).join(' '), table)
    if (group.length > 0) {
      io.out(groupHelp(group))
      return exit.ok
    }
    const { command, options, operands, common } = parse(args, table)
    if (common.help) {
      io.out(helpOf(command))
      return exit.ok
    }
    const place = placeOf(common.data ?? (io.env.SEALWATCH_DATA || undefined))
    return await command.run(options, operands, { io, place, json: common.json })
  } catch (thrown) {
    const error = toldIfInterrupted(thrown, io)
    report(error, io, wantsJson(given))
    return exitCodeOf(error)
  }
}

const isHelp = (word: string | undefined) => word === '--help' || word === '-h'

function report(error: unknown, io: Io, json: boolean): void {
  if (json) {
    const body = isSealwatchError(error)
      ? error.toJSON()
      : { code: 'CLI_UNEXPECTED', attempted: '', advice: '', rule: explain(error)[0] }
    io.out(`${safeJson({ error: body })}\n`)
    return
  }
  const [first = '', ...rest] = explain(error).map((line) => safe(toSeconds(line), 4000))
  io.err(`${paint(io, ['red', 'bold'], 'sealwatch:')} ${first}\n${rest.map((line) => `  ${line}\n`).join('')}`)
  if (!isSealwatchError(error) && io.env.SEALWATCH_DEBUG !== undefined && error instanceof Error)
    for (const line of (error.stack ?? '').split('\n')) io.err(`${safe(line)}\n`)
}
