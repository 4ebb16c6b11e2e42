// SPDX-License-Identifier: Apache-2.0

import type { Io } from '../io.ts'
import { duration, paint, safe } from '../terminal.ts'
import type { Progress, Step } from './readiness.ts'

const order: readonly Step[] = ['server', 'agent', 'sensor', 'guard', 'sign-in']
const marks = { waiting: '·', troubled: '·', done: '✓', warning: '!' } as const
const styles = { waiting: 'dim', troubled: 'yellow', done: 'green', warning: 'yellow' } as const

/** With what a server advises. */
const detailCharsMax = 2_000

/** Shows the steps of a start: redrawn in place for a person, one line for each finished step elsewhere. */
export function checklist(io: Io): { show(progress: Progress): void } {
  const steps = new Map<Step, Progress>()
  let drawn = 0
  const line = ({ step, state, detail, ms }: Progress) => {
    const isOver = state === 'done' || state === 'warning'
    const time = isOver ? paint(io, 'dim', `  ${duration(ms)}`) : ''
    // What is drawn over takes one line.
    const shown = isOver || !io.errTty ? safe(detail, detailCharsMax) : safe(detail, Math.max(20, io.columns - 14))
    return `  ${paint(io, styles[state], marks[state])} ${step.padEnd(7)} ${shown}${time}\n`
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
