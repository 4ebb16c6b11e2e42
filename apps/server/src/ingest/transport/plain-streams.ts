// SPDX-License-Identifier: Apache-2.0
// The streams of our own agents by the Connect protocol, without Connect's way through a dozen generators a stream
// (docs/adr/2026-11-23-plain-streams.md).

import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import { Code, ConnectError, type ConnectRouter, createContextValues, type HandlerContext } from '@connectrpc/connect'
import { encodeEnvelope, type UniversalServerRequest, uResponseOk } from '@connectrpc/connect/protocol'
import {
  contentTypeStreamProto,
  createEndStreamSerialization,
  endStreamFlag,
} from '@connectrpc/connect/protocol-connect'
import { createEnvelopes } from './envelopes.ts'
import { wrapHandler } from './wrap-handler.ts'

type Answers<I extends DescMessage, O extends DescMessage> = (
  requests: AsyncIterable<MessageShape<I>>,
  context: HandlerContext,
) => AsyncIterable<MessageInitShape<O>>

/** What Connect does beside the messages. Where a call asks for any of it, Connect answers. */
const more = ['connect-timeout-ms', 'connect-content-encoding']
const end = createEndStreamSerialization(undefined)

/** Answers calls of a method that the router has already, where they ask for nothing but the stream. */
export function plainStream<I extends DescMessage, O extends DescMessage>(
  router: ConnectRouter,
  method: DescMethod & { readonly input: I; readonly output: O },
  answers: Answers<I, O>,
  options: { readonly readMaxBytes: number; readonly requestGate: (context: HandlerContext) => Promise<void> },
): void {
  const { readMaxBytes, requestGate } = options

  async function* answered(body: AsyncIterable<Uint8Array>, context: HandlerContext): AsyncGenerator<Uint8Array> {
    let failure: { readonly error?: ConnectError } = {}
    try {
      await requestGate(context)
      for await (const answer of answers(messagesIn(method.input, body, readMaxBytes), context))
        yield encodeEnvelope(0, toBinary(method.output, create(method.output, answer)))
    } catch (error) {
      failure = { error: error instanceof ConnectError ? error : new ConnectError('internal error', Code.Internal) }
    }
    yield encodeEnvelope(endStreamFlag, end.serialize({ metadata: context.responseTrailer, ...failure }))
  }

  wrapHandler(router, method, (whole) => async (request) => {
    if (!isPlain(request)) return whole(request)
    const context = contextOf(request, method)
    return {
      ...uResponseOk,
      header: context.responseHeader,
      body: answered(request.body as AsyncIterable<Uint8Array>, context),
    }
  })
}

const isPlain = ({ method, header }: UniversalServerRequest) =>
  method === 'POST' && header.get('content-type') === contentTypeStreamProto && more.every((name) => !header.has(name))

const contextOf = (request: UniversalServerRequest, method: DescMethod): HandlerContext => ({
  method,
  service: method.parent,
  signal: request.signal,
  timeoutMs: () => undefined,
  requestMethod: request.method,
  requestHeader: request.header,
  responseHeader: new Headers({ 'content-type': contentTypeStreamProto }),
  responseTrailer: new Headers(),
  protocolName: 'connect',
  values: request.contextValues ?? createContextValues(),
  url: request.url,
})

/** Throws ConnectError for what is no message, too long, or broken off. */
async function* messagesIn<I extends DescMessage>(
  schema: I,
  body: AsyncIterable<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<MessageShape<I>> {
  const envelopes = createEnvelopes(bytesMax)
  for await (const piece of body) for (const message of envelopes.read(piece)) yield messageOf(schema, message)
  if (envelopes.isWithin) throw new ConnectError('the stream ends within a message', Code.InvalidArgument)
}

function messageOf<I extends DescMessage>(schema: I, bytes: Uint8Array): MessageShape<I> {
  try {
    return fromBinary(schema, bytes)
  } catch (cause) {
    throw new ConnectError('a message that cannot be read', Code.InvalidArgument, undefined, undefined, cause)
  }
}
