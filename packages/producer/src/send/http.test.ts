// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { signer } from '../../test/sample.ts'
import { signRows } from '../sign-rows.ts'
import { httpSender } from './http.ts'

/** As a file has it. */
const token = () => 'secret\n'

test('the token leaves the machine by TLS alone', () => {
  for (const url of ['http://10.0.0.1:7444', 'http://sealwatch.example.com', 'ftp://localhost', 'localhost:7444', ''])
    assert.throws(() => httpSender({ url, token }), { code: 'SEND_PLAIN' }, url)
  for (const url of ['https://10.0.0.1:7444', 'http://localhost:7444', 'http://127.0.0.1:7444', 'http://[::1]:7444'])
    httpSender({ url, token })
})

test('a control plane on this machine is asked by plain HTTP, and its outcomes are read', async () => {
  const asked: unknown[] = []
  const outcomes: object[] = [
    { outcome: 'admitted', leaf_index: 7 },
    { outcome: 'admitted', leaf_index: 8, mark: 'unknown_key' },
    { outcome: 'admitted', leaf_index: 9, mark: 1 },
  ]
  const server = createServer(async (request, response) => {
    const pieces = await Array.fromAsync(request as AsyncIterable<Buffer>)
    const { submissions } = JSON.parse(Buffer.concat(pieces).toString('utf8')) as { submissions: { id: string }[] }
    asked.push([request.method, request.url, request.headers.authorization, ...submissions.map(({ id }) => id)])
    response.end(JSON.stringify({ outcomes: [outcomes.shift()] }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  try {
    const rows = await signRows(signer, ['{}'])
    const send = httpSender({ url: `http://127.0.0.1:${port}`, token })
    const ask = () => send([rows], new AbortController().signal)
    assert.deepEqual(await ask(), [{ kind: 'admitted', leafIndex: 7 }])
    assert.deepEqual(asked, [['POST', '/api/v1/ingest/submissions', 'Bearer secret', rows.id]])
    assert.deepEqual(await ask(), [{ kind: 'admitted', leafIndex: 8, mark: 'unknown_key' }])
    await assert.rejects(ask(), { code: 'SEND_FAILED' }, 'a mark that is no text')
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
