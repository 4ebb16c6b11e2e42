// SPDX-License-Identifier: Apache-2.0

import process from 'node:process'
import { command, exit } from '../command.ts'
import { safeJson } from '../terminal.ts'

export const version = command({
  name: 'version',
  summary: 'Print the version',
  options: {},
  examples: ['./sealwatch version', './sealwatch --version'],
  run: async (_options, _operands, { io, json }) => {
    const facts = { version: io.version, node: process.versions.node }
    io.out(json ? `${safeJson(facts)}\n` : `sealwatch ${facts.version} (Node.js ${facts.node})\n`)
    return exit.ok
  },
})
