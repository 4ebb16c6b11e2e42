// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSealwatchError, readConfig } from '@sealwatch/base'
import { serverConfigPrefix, serverSettings } from './config.ts'
import { checkReplicas } from './replicas.ts'

const given = (env: Record<string, string>) =>
  readConfig(
    serverSettings,
    { SEALWATCH_SERVER_DATA_DIR: '/d', SEALWATCH_SERVER_RUN_DIR: '/r', ...env },
    serverConfigPrefix,
  )

test('API-2: several servers without Redis do not start, and with it they say that they are not yet built', () => {
  const redis = 'redis://:hunter2@redis.example:6379'
  checkReplicas(given({}))
  checkReplicas(given({ REPLICA_COUNT: '1', REDIS_URL: '' }))
  for (const [env, code] of [
    [{ REPLICA_COUNT: '2' }, 'REPLICAS_WITHOUT_REDIS'],
    [{ REPLICA_COUNT: '2', REDIS_URL: '' }, 'REPLICAS_WITHOUT_REDIS'],
    [{ REPLICA_COUNT: '2', REDIS_URL: redis }, 'REPLICAS_NOT_BUILT'],
    [{ REDIS_URL: redis }, 'REPLICAS_NOT_BUILT'],
  ] as const)
    assert.throws(
      () => checkReplicas(given(env)),
      (error) => isSealwatchError(error, code) && error.kind === 'fatal' && !error.message.includes('hunter2'),
    )
  for (const env of [{ REPLICA_COUNT: '0' }, { REPLICA_COUNT: 'two' }, { REDIS_URL: 'http://:hunter2@x' }])
    assert.throws(
      () => given(env),
      (error) => isSealwatchError(error, 'CONFIG_INVALID') && !error.message.includes('hunter2'),
    )
})
