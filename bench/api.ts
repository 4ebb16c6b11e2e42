// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { systemClock } from '@sealwatch/base'
import { rootAt } from '../test/api/server.ts'
import { startChild } from './child.ts'
import { type Figure, figureOf, quantileOf } from './figure.ts'
import { temporary } from './material.ts'
import { openReads } from './reads.ts'

const tenantsCount = 1_000
const policiesCount = 500
const atOnce = 16
const connections = 64
const warmUp = { perSecond: 1_000, seconds: 5 }
const pace = { perSecond: 2_000, seconds: 10 }
const revocations = 20

/**
 * Authorised reads of a deployment of a thousand tenants, half of them with a security policy: each request is by a token of
 * one of them, in turn, at times that do not wait for the answers before. And how long a token still works that is revoked.
 */
export async function* benchApi(): AsyncGenerator<Figure> {
  await using dir = await temporary()
  const serverDir = join(dir.path, 'server')
  await using server = await startChild('ingest-server.ts', serverDir, {
    SEALWATCH_SERVER_API_PER_ADDRESS: '1000000',
    SEALWATCH_SERVER_API_PER_TENANT: '1000000',
  })
  const root = rootAt(join(serverDir, 'api.sock'))
  const tokens: string[] = []
  const actions = ['role:list', 'policy:read', 'token:list', 'member:list']
  const startNs = systemClock.monotonicNs()
  await inTurns(tenantsCount, async (i) => {
    const name = `tenant-${i}`
    await root('cluster').call('createTenant', { body: { name } })
    const { token } = await root(name).call('createToken', { body: { name: 'bench', actions, ttl_seconds: 3600 } })
    tokens[i] = token
    if (i >= policiesCount) return
    const rules = [{ id: 'shells', action: 'deny', executables: ['/bin/sh'] }]
    const policy = { type: 'process', name: `of ${name}`, rules }
    await root(name).call('putPolicy', { params: { id: 'shells' }, body: { policy } })
  })
  const seconds = Number(systemClock.monotonicNs() - startNs) / 1e9
  yield figureOf('api.tenants-made', 'tenants/s', [tenantsCount / seconds])

  using reads = await openReads(Number(new URL(server.api).port), connections)
  const paths = ['/api/v1/roles', '/api/v1/security/policies', '/api/v1/tokens', '/api/v1/members']
  const request = (i: number) =>
    [paths[(i + Math.floor(i / tenantsCount)) % paths.length] ?? '', tokens[i % tenantsCount] ?? ''] as const
  await reads.paced(warmUp, request)
  const latenciesMs = await reads.paced(pace, request)
  for (const quantile of [0.5, 0.99])
    yield figureOf(`api.read-p${100 * quantile}`, 'ms', [quantileOf([...latenciesMs], quantile)])

  const stillMs: number[] = []
  for (let i = 0; i < revocations; i += 1) stillMs.push(await revoke(`tenant-${i}`))
  yield figureOf('api.revoked-after', 'ms', stillMs)
  yield figureOf('api.memory', 'MB', [server.peakMb()])

  async function revoke(tenant: string): Promise<number> {
    const body = { name: 'short', actions: ['role:list'], ttl_seconds: 600 }
    const { token, info } = await root(tenant).call('createToken', { body })
    const atMs = performance.now()
    const revoked = root(tenant).call('revokeToken', { params: { token_id: info.token_id } })
    while ((await reads.get('/api/v1/roles', token)) !== 401);
    const ms = performance.now() - atMs
    await revoked
    return ms
  }
}

/** So many at a time. */
async function inTurns(count: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async () => {
    for (let i = next++; i < count; i = next++) await work(i)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
