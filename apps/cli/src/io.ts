// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'

/** All that a command has of the world around it; main.ts makes the real one, tests make theirs. */
export type Io = {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  /** Where `out` and `err` go to a person. */
  readonly outTty: boolean
  readonly errTty: boolean
  readonly color: boolean
  readonly columns: number
  readonly env: Readonly<Record<string, string | undefined>>
  readonly uid: number
  /** A line from the standard input; a person at a terminal is asked the question. */
  readonly readLine: (question: string) => Promise<string>
  readonly clock: Clock
  /** Fires at the first Ctrl-C or SIGTERM. */
  readonly stop: AbortSignal
  /** Fires at the second. */
  readonly kill: AbortSignal
  /** Folder of the program, which holds apps/. */
  readonly root: string
  readonly version: string
  /** Present in the supervisor that `up --detach` left in the background: tells its starter how far it is. */
  readonly tell?: (message: unknown) => void
}
