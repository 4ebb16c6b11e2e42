// SPDX-License-Identifier: Apache-2.0

import { command, exit } from '../command.ts'
import { gatherStatus } from '../status/gather.ts'
import { renderStatus } from '../status/render.ts'
import { safeJson } from '../terminal.ts'

export const status = command({
  name: 'status',
  summary: 'Show the parts, the sensor sites, the queue and the ledgers',
  about: 'The members of --json are described in docs/reference/status.md.',
  options: {},
  examples: ['sudo ./sealwatch status', "sudo ./sealwatch status --json | jq '.queue[].depth'"],
  run: async (_options, _operands, { io, place, json }) => {
    const gathered = await gatherStatus(place, io.uid, io.clock.nowMs())
    io.out(json ? `${safeJson(gathered, 2)}\n` : renderStatus(gathered, io))
    return exit.ok
  },
})
