// SPDX-License-Identifier: Apache-2.0

import { access } from 'node:fs/promises'
import { takeLock } from '@sealwatch/base'
import { command, exit, integer } from '../command.ts'
import { cliError } from '../errors.ts'
import { fileOf } from '../place.ts'
import { removeRun } from '../supervise/layout.ts'
import { endLeftovers, endPrograms } from '../supervise/leftovers.ts'
import { readInstance, readSupervisor, removeSupervisors } from '../supervise/record.ts'
import { signalTask, taskOf } from '../supervise/task.ts'
import { duration, safeJson } from '../terminal.ts'

export const down = command({
  name: 'down',
  summary: 'Stop the running instance and wait until it has stopped',
  about: 'The sensor stops first, then the agent when it has shipped what it sealed, then the server.',
  options: {
    timeout: integer({ takes: 'SECONDS', help: 'How long to wait (default: 40)', min: 1, max: 3600, absent: 40 }),
  },
  examples: ['sudo ./sealwatch down', 'sudo ./sealwatch down --data /srv/sealwatch'],
  run: async ({ timeout }, _operands, { io, place, json }) => {
    const attempted = `stopping the instance on ${place.data}`
    if (io.uid !== 0) throw cliError('CLI_NEEDS_ROOT', { attempted })
    const began = io.clock.nowMs()
    const exists = await access(fileOf.lock(place)).then(
      () => true,
      () => false,
    )
    const free = exists ? await takeLock(fileOf.lock(place)) : undefined
    if (!exists || free !== undefined) {
      const ended = await endLeftovers(place, io.clock)
      if (free !== undefined && endPrograms(place)) ended.push('programs of the sensor')
      if (free !== undefined) {
        removeSupervisors(place)
        removeRun(place)
        await free.release()
      }
      if (ended.length === 0) throw cliError('CLI_NOT_RUNNING', { attempted, advice: 'There is nothing to stop' })
      io.out(
        json
          ? `${safeJson({ stopped: true, leftovers: ended })}\n`
          : `Ended what a killed instance had left: ${ended.join(', ')}.\n`,
      )
      return exit.ok
    }
    const task = (await readSupervisor(place))?.task ?? taskOf((await readInstance(place))?.pid ?? 0)
    if (task === undefined || !signalTask(task, 'SIGTERM'))
      throw cliError('CLI_STOP_FAILED', {
        attempted,
        received: 'an instance that is just starting or stopping',
        advice: 'Try again in a moment',
      })
    const released = await takeLock(fileOf.lock(place), timeout * 1000)
    if (released === undefined)
      throw cliError('CLI_STOP_FAILED', { attempted, received: `pid ${task.pid} after ${timeout} s` })
    await released.release()
    const ms = io.clock.nowMs() - began
    io.out(json ? `${safeJson({ stopped: true, ms })}\n` : `Stopped in ${duration(ms)}.\n`)
    return exit.ok
  },
})
