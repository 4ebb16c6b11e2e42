// SPDX-License-Identifier: Apache-2.0

import { existsSync } from 'node:fs'
import { debianRules, openModSecurity } from '../peers/modsecurity.ts'
import type { Contender } from './contender.ts'

/** The score from which the Core Rule Set blocks, unless told otherwise. */
const scoreFound = 5

/** libmodsecurity with the Core Rule Set as Debian packs them, in a process of its own whose start is not counted. */
export function openLibmodsecurity(): Contender | undefined {
  const set = debianRules(1)
  if (!existsSync(set.rules) || !existsSync(set.setup)) {
    console.error('SKIPPED: libmodsecurity: modsecurity-crs is missing (apt-get install modsecurity-crs)')
    return undefined
  }
  const peer = openModSecurity(set)
  return (
    peer && {
      name: 'libmodsecurity, core rules',
      learns: false,
      peakMb: peer.peakMb,
      end: async () => peer.end(),
      async turn(contexts) {
        const judgements = peer.judge(contexts)
        return {
          outcomes: judgements.map(({ us, score }) => ({ us, score, isFound: score >= scoreFound })),
          cpuUs: judgements.reduce((sum, { cpuUs }) => sum + cpuUs, 0),
        }
      },
    }
  )
}
