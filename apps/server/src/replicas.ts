// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const replicaErrors = {
  REPLICAS_WITHOUT_REDIS: {
    kind: 'fatal',
    rule: 'several servers share their live feeds by Redis: without it, who listens to one would not hear of the others',
    advice: 'Set REDIS_URL, or REPLICA_COUNT to 1',
  },
  REPLICAS_NOT_BUILT: {
    kind: 'fatal',
    rule: 'one server alone holds a deployment: several of them, with Redis and PostgreSQL, are not yet built',
    advice: 'Set REPLICA_COUNT to 1 and leave REDIS_URL empty; README, "Not yet built", says what comes',
  },
} as const satisfies ErrorTable
const replicaError = errorsOf(replicaErrors)

/** How who listens hears of what comes. */
export const broadcasterMode = 'in_process'

/** API-2: what would not hear of everything does not start. */
export function checkReplicas({
  replicaCount,
  redisUrl,
}: {
  readonly replicaCount: number
  readonly redisUrl: string
}): void {
  const attempted = 'starting the server'
  // The URL may hold a password.
  const received = `REPLICA_COUNT=${replicaCount}, REDIS_URL ${redisUrl === '' ? 'not set' : 'set'}`
  if (replicaCount > 1 && redisUrl === '') throw replicaError('REPLICAS_WITHOUT_REDIS', { attempted, received })
  if (replicaCount > 1 || redisUrl !== '') throw replicaError('REPLICAS_NOT_BUILT', { attempted, received })
}
