// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const platformErrors = {
  PLATFORM_UNWATCHED: {
    kind: 'unavailable',
    rule: 'the agent watches Linux, from 5.10 on: its sensor speaks with that kernel alone (docs/fallbacks.md)',
    advice: 'Run the agent on Linux; macOS and Windows have no sensor',
  },
} as const satisfies ErrorTable
const platformError = errorsOf(platformErrors)

/** Throws PLATFORM_UNWATCHED. */
export function requireLinux(platform: string): void {
  if (platform !== 'linux') throw platformError('PLATFORM_UNWATCHED', { attempted: 'starting', received: platform })
}
