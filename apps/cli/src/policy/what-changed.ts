// SPDX-License-Identifier: Apache-2.0

import { ApiProblem } from '@sealwatch/contract/api'
import type { DifferenceLine } from '@sealwatch/contract/policy'
import { cliError } from '../errors.ts'
import type { Io } from '../io.ts'
import { paint, safe } from '../terminal.ts'
import { renderDifference } from './render-difference.ts'

type Told = {
  readonly current?: { readonly version: number; readonly updated_by: string } | null
  readonly changes?: readonly DifferenceLine[]
}

/** Where somebody else was faster, shows what they did. Throws CLI_CHANGED then. */
export async function whatChanged<T>(policy: string, io: Io, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof ApiProblem) || error.problem.status !== 412) throw error
    const { current, changes = [] } = error.problem as Told
    if (current != null)
      io.err(
        paint(io, 'bold', `Meanwhile version ${current.version}, by ${safe(current.updated_by)}:\n`) +
          renderDifference(changes, io),
      )
    const received = current == null ? 'no policy of that id' : `version ${current.version}`
    throw cliError('CLI_CHANGED', { attempted: `writing the policy ${policy}`, received, cause: error })
  }
}
