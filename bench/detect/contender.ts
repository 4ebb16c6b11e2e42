// SPDX-License-Identifier: Apache-2.0

import type { RequestContext } from '@sealwatch/detect/request'

/** What somebody makes of a request. `score` orders requests by suspicion; what is found is what it would act upon. */
export type Outcome = { readonly score: number; readonly isFound: boolean; readonly us: number }

/** `cpuUs`: processor time of all threads, for all requests together, without starting. */
export type Turn = { readonly outcomes: readonly Outcome[]; readonly cpuUs: number }

export type Contender = {
  readonly name: string
  /** Whether it learned from requests, so that what it says of those it has seen is no measure. */
  readonly learns: boolean
  turn(contexts: readonly RequestContext[]): Promise<Turn>
  /** The most it holds, in MB, after a turn; its program and its rules included. Undefined where it shares a process. */
  readonly peakMb?: () => number
  end?(): Promise<void>
}
