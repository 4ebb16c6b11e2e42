// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from '@connectrpc/connect'
import { createConnectTransport } from '@connectrpc/connect-node'
import { AdminService } from '@sealwatch/contract'
import type { TestServer } from '../api/server.ts'
import { type Producer, type Production, startProducer } from '../system/producer.ts'

/** Samples of our own rules: of these each makes a finding. */
export const firing = (rule: string) =>
  JSON.parse(readFileSync(join(import.meta.dirname, '../../rules', `${rule}.fires.json`), 'utf8')) as Record<
    string,
    never
  >

/** A host that enrols, seals these events by its own key, and ships them over mTLS. */
export function startHost(
  server: TestServer,
  production: Pick<Production, 'name' | 'tenant' | 'account' | 'personalPointers'> & {
    readonly events: readonly Record<string, never>[]
  },
): Promise<Producer> {
  const { tenant = 'default', events } = production
  const sealwatch = async () => {
    const transport = createConnectTransport({
      baseUrl: 'http://sealwatch.invalid',
      httpVersion: '1.1',
      nodeOptions: { socketPath: join(server.dir, 'api.sock') },
    })
    const admin = createClient(AdminService, transport)
    const { token } = await admin.createJoinToken({ tenant, ttlSeconds: 600 })
    return { code: 0, stdout: JSON.stringify({ token }), stderr: '' }
  }
  return startProducer(
    { data: server.dir, port: server.agentPort, sealwatch },
    { ...production, tenant, everyMs: 0, perBatch: 1, events: events.length, event: (n) => events[n] ?? {} },
  )
}
