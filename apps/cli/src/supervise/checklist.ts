// SPDX-License-Identifier: Apache-2.0

import type { Io } from '../io.ts'
import { duration, paint, safe } from '../terminal.ts'
import type { Progress, Step } from './readiness.ts'

const order: readonly Step[] = ['server', 'agent', 'sensor', 'guard', 'sign-in']
const marks = { waiting: '·', done: '✓', warning: '!' } as const
const styles = { waiting: 'dim', done: 'green', warning: 'yellow' } as const

/** Shows the steps of a start: redrawn in place for a person, one line for each finished step elsewhere. */
export function checklist(io: Io): { show(progress: Progress): void } {
  const steps = new Map<Step, Progress>()
  let drawn = 0
  const line = ({ step, state, detail, ms }: Progress) => {
    const time = state === 'waiting' ? '' : paint(io, 'dim', `  ${duration(ms)}`)
    return `  ${paint(io, styles[state], marks[state])} ${step.padEnd(7)} ${safe(detail)}${time}\n`
  }
  return {
    show: (progress) => {
      steps.set(progress.step, progress)
      if (!io.errTty) {
        if (progress.state !== 'waiting') io.err(line(progress))
        return
      }
      const lines = order.flatMap((step) => steps.get(step) ?? []).map(line)
      io.err(`${drawn === 0 ? '' : `\x1b[${drawn}A`}${lines.map((text) => `\x1b[K${text}`).join('')}`)
      drawn = lines.length
    },
  }
}
