// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import type { TestContext } from 'node:test'
import { protocol } from '@sealwatch/contract'
import { atEnd } from './at-end.ts'
import { type Agent, enrolled, facts, prepareAgent, type Server } from './fixture.ts'

/** A registered host that speaks HTTP/2 by hand. */
export async function rawMember(t: TestContext, server: Server, chain = 'a'.repeat(32), agent?: Agent) {
  agent ??= await prepareAgent(t, server)
  const { current } = await enrolled(server, agent)
  const session = connectHttp2(server.url, {
    ca: current.authorityPem,
    cert: current.certificatePem,
    key: current.keyPem,
  })
  atEnd(t, () => session.destroy())
  const call = async (method: string, type: string, body: string | Uint8Array) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': `/sealwatch.agent.v1.AgentService/${method}`,
      'content-type': type,
    })
    stream.end(body)
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
    const chunks: Buffer[] = []
    for await (const chunk of stream) chunks.push(chunk as Buffer)
    const bytes = Buffer.concat(chunks)
    return { status: headers[':status'], text: bytes.toString(), bytes }
  }
  const registration = {
    agentProtoVersion: protocol.version,
    agentVersion: '1',
    facts,
    chains: [{ chain, tenant: 'default' }],
  }
  const { status } = await call('Register', 'application/json', JSON.stringify(registration))
  assert.equal(status, 200)
  return { call }
}

/** A message as a stream carries it. */
export function envelope(message: Uint8Array, length = message.length): Uint8Array {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(length, 1)
  return Buffer.concat([prefix, message])
}
