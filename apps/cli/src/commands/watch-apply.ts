// SPDX-License-Identifier: Apache-2.0

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { createLog } from '@sealwatch/base'
import { command, exit, text } from '../command.ts'
import { cliError } from '../errors.ts'
import { fileOf } from '../place.ts'
import { writeUnitWatchList } from '../supervise/unit-watch-list.ts'
import { counted, safeJson } from '../terminal.ts'

const unit = 'sealwatch-sensor.service'
const usualAuthority = '/etc/sealwatch/authority.json'

export const watchApply = command({
  name: 'watch apply',
  summary: "Let the sensor's unit watch what watch.list says, and what groups of hosts are told",
  about: `For machines whose parts systemd keeps; \`sealwatch up\` reads the list itself. The unit sealwatch-watch.path does it whenever the list, or
what the server told this host, has changed. Who changes watch.list is told with the lines that changed, as an alert. What the server told is
verified by the CA that the guard believes, too; where no file says which, watch.list alone counts. A sensor that watches something else
begins anew.`,
  options: {
    authority: text({
      takes: 'FILE',
      help: `Which CA speaks for the server (default: ${usualAuthority})`,
    }),
  },
  examples: ['sudo ./sealwatch watch apply'],
  run: async ({ authority = usualAuthority }, _operands, { io, place, json }) => {
    const attempted = 'applying the watch list'
    if (io.uid !== 0) throw cliError('CLI_NEEDS_ROOT', { attempted })
    if (existsSync(fileOf.instance(place)))
      throw cliError('CLI_ALREADY_RUNNING', {
        attempted,
        advice: '`sealwatch up` reads watch.list when it starts: ./sealwatch down, then ./sealwatch up',
      })
    const written = writeUnitWatchList(place, io.root, authority, createLog('watch', io.err, io.clock.nowMs))
    const restarted = written.isNew && (await restartSensor())
    if (json) io.out(`${safeJson({ ...written, restarted })}\n`)
    else {
      const told = written.told === undefined ? '' : `, ${written.told} of them told by the server`
      io.out(`${counted(written.entries, 'entry', 'entries')}${told}: ${written.isNew ? 'new' : 'as before'}.\n`)
    }
    return exit.ok
  },
})

/** false: systemd keeps nothing here. */
async function restartSensor(): Promise<boolean> {
  if (!existsSync('/run/systemd/system')) return false
  try {
    await promisify(execFile)('systemctl', ['try-restart', unit])
    return true
  } catch (cause) {
    throw cliError('CLI_START_FAILED', {
      attempted: `starting ${unit} anew`,
      received: String((cause as { stderr?: string }).stderr ?? cause).trim(),
      advice: `Until it is, it watches what it did before: sudo systemctl restart ${unit}`,
      cause,
    })
  }
}
