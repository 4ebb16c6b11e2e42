// SPDX-License-Identifier: Apache-2.0
// One connection of one service, with no more work for each request than it takes to know that it was admitted.

import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect as connectTls } from 'node:tls'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { Form, type SignedRows, SubmitRequestSchema, SubmitResponseSchema } from '@sealwatch/contract'
import type { Where } from './load.ts'

export type Connection = {
  /** What sends it; rejects where it was not admitted. */
  prepare(rows: SignedRows): () => Promise<void>
}

const framePrefixBytes = 5

/** A message of gRPC, not compressed. */
export function framed(submissions: readonly SignedRows[]): Buffer {
  const request = { submissions: submissions.map((one) => ({ ...one, form: Form.DETACHED })) }
  const message = toBinary(SubmitRequestSchema, create(SubmitRequestSchema, request))
  const prefix = Buffer.alloc(framePrefixBytes)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

export const submitHeaders = (token: string) => ({
  ':method': 'POST',
  ':path': '/sealwatch.ingest.v1.IngestService/Submit',
  'content-type': 'application/grpc',
  te: 'trailers',
  authorization: `Bearer ${token}`,
})

export async function openGrpc({ port, ca }: Where, token: string): Promise<Connection> {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { ca })
  await once(session, 'connect')
  session.on('error', () => undefined)
  const headers = submitHeaders(token)
  return {
    prepare: (rows) => {
      const frame = framed([rows])
      return async () => {
        const call = session.request(headers)
        call.end(frame)
        const pieces: Buffer[] = []
        let status: unknown
        call.on('trailers', (trailers) => (status = trailers['grpc-message'] ?? trailers['grpc-status']))
        for await (const piece of call) pieces.push(piece as Buffer)
        const message = Buffer.concat(pieces).subarray(framePrefixBytes)
        const outcome = fromBinary(SubmitResponseSchema, message).outcomes[0]?.outcome
        if (outcome?.case !== 'admitted') throw new Error(`rows over gRPC: ${String(status)} ${outcome?.case}`)
      }
    },
  }
}

/** As bytes of HTTP/1.1. */
export function posted(submissions: readonly SignedRows[], token: string, apiPort: number): Buffer {
  const body = JSON.stringify({
    submissions: submissions.map(({ id, form, payload, payloadType, keyId, algorithm, signature }) => ({
      ...{ id, form, payload: payload.toBase64(), payload_type: payloadType },
      ...{ key_id: keyId, algorithm, signature: signature.toBase64() },
    })),
  })
  const head = [
    'POST /api/v1/ingest/submissions HTTP/1.1',
    `Host: localhost:${apiPort}`,
    `Authorization: Bearer ${token}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ]
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`)
}

export async function openRest({ apiPort, ca }: Where, token: string): Promise<Connection> {
  const socket = connectTls({ host: '127.0.0.1', port: apiPort, ca, servername: 'localhost' })
  socket.setNoDelay()
  await once(socket, 'secureConnect')
  const waiting: { resolve(answer: string): void; reject(cause: Error): void }[] = []
  let text = ''
  socket.on('data', (piece) => {
    text += piece.toString('latin1')
    const headEnd = text.indexOf('\r\n\r\n') + 4
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? Number.NaN)
    if (headEnd < 4 || !(text.length >= headEnd + length)) return
    waiting.shift()?.resolve(text)
    text = ''
  })
  const broken = (error = new Error('a connection was closed')) => waiting.shift()?.reject(error)
  socket.on('error', broken).on('close', () => broken())
  return {
    prepare: (rows) => {
      const request = posted([rows], token, apiPort)
      return async () => {
        const answer = Promise.withResolvers<string>()
        waiting.push(answer)
        socket.write(request)
        const said = await answer.promise
        if (!said.includes('"admitted"')) throw new Error(`rows over REST: ${said.slice(0, 12)} ${said.slice(-300)}`)
      }
    },
  }
}
