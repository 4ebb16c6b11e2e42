// SPDX-License-Identifier: Apache-2.0

import { Agent, request as ask } from 'node:http'
import { join } from 'node:path'
import { systemClock } from '@sealwatch/base'
import { type ApiClient, createApiClient } from '@sealwatch/contract/api'
import { startChild } from './child.ts'
import { type Figure, figureOf, quantileOf } from './figure.ts'
import { temporary } from './material.ts'

const tenantsCount = 1_000
const policiesCount = 500
const atOnce = 16
const pace = { perSecond: 2_000, seconds: 10, everyMs: 5 }
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
  const { port } = new URL(server.api)
  const agent = new Agent({ keepAlive: true, maxSockets: 256 })
  const carry =
    (place: { socketPath: string } | { port: string; agent: Agent }) =>
    (sent: { method: string; path: string; headers: Readonly<Record<string, string>>; body?: string | undefined }) =>
      new Promise<{ status: number; headers: { get(name: string): string | null }; text: string }>(
        (resolve, reject) => {
          const { method, path, headers, body } = sent
          const request = ask({ host: '127.0.0.1', ...place, method, path, headers }, (response) => {
            let text = ''
            response.setEncoding('utf8')
            response.on('data', (piece: string) => {
              text += piece
            })
            response.once('end', () =>
              resolve({
                status: response.statusCode ?? 0,
                headers: { get: (name) => [response.headers[name]].flat()[0] ?? null },
                text,
              }),
            )
          })
          request.once('error', reject)
          request.end(body)
        },
      )
  const socket = carry({ socketPath: join(serverDir, 'api.sock') })
  const network = carry({ port, agent })
  const root = (tenant: string): ApiClient =>
    createApiClient(
      (sent) => socket(sent),
      () => ({ 'sealwatch-tenant': tenant }),
    )

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

  const paths = ['/api/v1/roles', '/api/v1/security/policies', '/api/v1/tokens', '/api/v1/members']
  const read = async (i: number): Promise<number> => {
    const atMs = performance.now()
    const headers = { authorization: `Bearer ${tokens[i % tenantsCount]}` }
    const { status, text } = await network({ method: 'GET', path: paths[i % paths.length] as string, headers })
    if (status !== 200) throw new Error(`a read was answered ${status}: ${text.slice(0, 200)}`)
    return performance.now() - atMs
  }
  await inTurns(2 * tenantsCount, async (i) => void (await read(i)))
  const pending: Promise<number>[] = []
  const beginMs = performance.now()
  for (let turn = 0; turn < (pace.seconds * 1000) / pace.everyMs; turn += 1) {
    const waitMs = beginMs + turn * pace.everyMs - performance.now()
    if (waitMs > 0) await systemClock.sleep(waitMs)
    for (let i = 0; i < (pace.perSecond * pace.everyMs) / 1000; i += 1) pending.push(read(pending.length))
  }
  const latenciesMs = await Promise.all(pending)
  const tookSeconds = (performance.now() - beginMs) / 1000
  yield figureOf('api.reads', 'requests/s', [pending.length / tookSeconds])
  for (const quantile of [0.5, 0.99])
    yield figureOf(`api.read-p${100 * quantile}`, 'ms', [quantileOf(latenciesMs, quantile)])

  const stillMs: number[] = []
  for (let i = 0; i < revocations; i += 1) stillMs.push(await revoke(`tenant-${i}`))
  yield figureOf('api.revoked-after', 'ms', stillMs)
  yield figureOf('api.memory', 'MB', [server.peakMb()])
  agent.destroy()

  async function revoke(tenant: string): Promise<number> {
    const body = { name: 'short', actions: ['role:list'], ttl_seconds: 600 }
    const { token, info } = await root(tenant).call('createToken', { body })
    const headers = { authorization: `Bearer ${token}` }
    const atMs = performance.now()
    const revoked = root(tenant).call('revokeToken', { params: { token_id: info.token_id } })
    while ((await network({ method: 'GET', path: '/api/v1/roles', headers })).status !== 401);
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
