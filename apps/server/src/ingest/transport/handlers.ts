// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { Code, ConnectError, type ConnectRouter, createContextKey, type HandlerContext } from '@connectrpc/connect'
import { type Clock, createRate, isSealwatchError, type Log, type SealwatchError } from '@sealwatch/base'
import {
  AgentService,
  type ConfigureRequest,
  type EnrolRequest,
  type LiveRequest,
  limits,
  protocol,
  type RegisterRequest,
  type RegisterResponseSchema,
  type ShipRequest,
  type ShipResponseSchema,
} from '@sealwatch/contract'
import { type Action, type Gate, newRequestId } from '../../access/index.ts'
import { checkValidity, type Host, type Identity, identityError, renewalGraceMs } from '../../identity/index.ts'
import type { HostWatch } from '../../presence/index.ts'
import { answersTo } from './answers.ts'
import { createArrivals } from './arrivals.ts'
import { createBatchRoom } from './batch-room.ts'
import type { ChainBook } from './chain-book.ts'
import { type ConfigPort, configure, type OrderPort } from './configure.ts'
import { connectErrorOf } from './connect-error.ts'
import { transportError } from './errors.ts'
import type { IngestPort, Outcome } from './ingest-port.ts'
import { takeSignsOfLife } from './live.ts'
import type { LiveStreams } from './live-streams.ts'
import { type Peer, peerKey, peerOf, senderOf } from './peer.ts'
import { plainStream } from './plain-streams.ts'
import { checkRegistration, type Position } from './register.ts'
import { releaseMessage } from './release-message.ts'
import type { SenderConnections } from './sender-connections.ts'

/**
 * What each method is to the gate; one that is missing here does not compile. Enrolment is open: the join token is what
 * proves who asks, and says of which tenant it is.
 */
export const agentActions = {
  enrol: 'open',
  renew: 'agent:report',
  register: 'agent:report',
  ship: 'agent:report',
  live: 'agent:report',
  configure: 'agent:report',
} as const satisfies { readonly [M in keyof typeof AgentService.method]: Action | 'open' }

export type HandlerOptions = {
  readonly gate: Pick<Gate, 'authorise'>
  readonly identity: Identity
  readonly chainBook: ChainBook
  readonly ingest: IngestPort
  readonly configs: ConfigPort
  readonly orders: OrderPort
  readonly presence: Pick<HostWatch, 'registered' | 'heartbeat' | 'shipped' | 'admitted'>
  readonly clock: Clock
  readonly log: Log
  /** Fires, with the reason, when the server stops: streams answer what they have and end. */
  readonly stopping: AbortSignal
  readonly streams: LiveStreams
  /** The newest signed checkpoint of a tenant. */
  readonly checkpointOf: (tenant: string) => string | undefined
  /** Called with an error after which this process must not go on. */
  readonly onFatal: (error: SealwatchError) => void
  readonly counters: TransportCounters
  readonly senders: Pick<SenderConnections, 'note'>
  /** Takes note of a join token that is none, for the record. */
  readonly onGuess?:
    | ((guess: { readonly cause: string; readonly source: string; readonly requestId: string }) => void)
    | undefined
}

export type TransportCounters = {
  /** Calls of peers that may not make them. */
  denied: number
  /** Calls and streams that break the protocol. */
  refused: number
  /** Connections that ended in bad order: no TLS 1.3, no HTTP/2, or cut. */
  broken: number
}

const hostKey = createContextKey<Host | undefined>(undefined)

const callBytesMax = 64 * 1024
const heartbeatBytesMax = 4 * 1024
const reportBytesMax = 64 * 1024
/** Tokens that let nobody in: of one address, at once and then one every five seconds. */
const guessesOf = { burst: 20, perSecond: 0.2, keysMax: 10_000 } as const
/** One batch with its personal values and the framing around both. */
export const shipBytesMax = 2 * limits.batchBytesMax

/** The methods of AgentService (docs/formats/agent-protocol.md). */
export function agentRoutes(options: HandlerOptions): (router: ConnectRouter) => void {
  const { identity, chainBook, ingest, presence, checkpointOf, clock, log, streams, stopping, counters } = options
  const { onFatal, onGuess } = options

  /** A host reports of its own tenant, and of what the deployment keeps of it. Throws ACCESS_DENIED. */
  function authorise(host: Host, tenant = host.tenant): void {
    const principal = { kind: 'agent', id: host.hostId, tenant: host.tenant } as const
    options.gate.authorise(principal, 'agent:report', { tenant, requestId: newRequestId() })
  }

  /** Logs what goes wrong in full and gives back what the caller may know of it. */
  function refusal(error: unknown, context: HandlerContext): ConnectError {
    if (isSealwatchError(error) && error.kind === 'fatal') onFatal(error)
    const answer = connectErrorOf(error)
    log[levelOf(error, answer, context)]('a call was refused', {
      method: context.method.name,
      peer: context.values.get(peerKey)?.address,
      host_id: context.values.get(hostKey)?.hostId,
      error,
    })
    return answer
  }

  /** Settles who calls before anything of the body is read. */
  const gate = (graceMs: number) => async (context: HandlerContext) => {
    try {
      const certificate = peerOf(context).certificate()
      // Whoever is put out for good hears that, though its certificate, which is renewed no more, is over.
      const host = await identity.hosts.admit(certificate.hostId)
      checkValidity(certificate, clock.nowMs(), graceMs)
      authorise(host)
      if (!options.senders.note(`host ${host.hostId}`, peerOf(context)))
        throw transportError('CONNECTIONS_TOO_MANY', { attempted: `taking a call of the host ${host.hostId}` })
      context.values.set(hostKey, host)
    } catch (error) {
      counters.denied++
      throw refusal(error, context)
    }
  }

  const lives = { ...options, hosts: identity.hosts }
  const guesses = createRate(clock, guessesOf)
  const arrivals = createArrivals(clock)
  const room = createBatchRoom()

  /**
   * A join token cannot be guessed; nobody may even try for long. Many stand behind one address: whose token is good gets in,
   * whatever others try there.
   */
  async function enrol(request: EnrolRequest, context: HandlerContext) {
    const { client } = peerOf(context)
    const isGood = await identity.isGoodToken(request.joinToken, request.signingPublicKey)
    const waitMs = isGood ? 0 : guesses.take(client)
    if (waitMs > 0)
      throw identityError('TOKEN_GUESSES', { attempted: 'enrolling a host', received: `${waitMs} ms to go`, waitMs })
    return identity.enrol(request).catch((error: unknown) => {
      if (isSealwatchError(error) && error.kind === 'denied')
        onGuess?.({ cause: `JOIN_${error.code}`, source: client, requestId: 'enrolment' })
      throw error
    })
  }

  const unary =
    <Request, Response>(answer: (request: Request, context: HandlerContext) => Promise<Response>) =>
    async (request: Request, context: HandlerContext): Promise<Response> => {
      try {
        return await answer(request, context)
      } catch (error) {
        // Who comes at a bad time broke nothing.
        if (connectErrorOf(error).code !== Code.Unavailable) counters.refused++
        throw refusal(error, context)
      }
    }

  /**
   * After a start all hosts come at once. Who gave up while it waited comes again, so nothing is done for it; otherwise all of
   * the time could go into answers that nobody waits for.
   */
  function register(request: RegisterRequest, context: HandlerContext): Promise<RegisterAnswer> {
    const host = hostOf(context)
    return arrivals.take(host.tenant, host.hostId, async () => {
      if (context.signal.aborted) throw new ConnectError('the host is gone', Code.Aborted)
      return registerNow(host, request, context)
    })
  }

  async function registerNow(host: Host, request: RegisterRequest, context: HandlerContext): Promise<RegisterAnswer> {
    const { agentVersion, capabilities, facts, chains } = checkRegistration(request)
    for (const { chain, tenant } of chains) {
      try {
        authorise(host, tenant)
      } catch (cause) {
        if (!isSealwatchError(cause, 'ACCESS_DENIED')) throw cause
        const attempted = `registering the chain ${chain} of the host ${host.hostId}`
        const received = `the tenant ${tenant}, where the host belongs to ${host.tenant}`
        throw transportError('CHAIN_OF_ANOTHER_TENANT', { attempted, received, cause })
      }
    }
    await chainBook.bind(host, chains)
    const positions = await Promise.all(
      chains.map(async (registered) => {
        const { tenant, chain } = registered
        const server = await ingest.position(tenant, chain)
        await chainBook.compare(host, registered, server)
        return positionMessage(chain, tenant, server)
      }),
    )
    const known = await identity.hosts.seen(host, facts, agentVersion)
    peerOf(context).chains = new Map(chains.map(({ chain, tenant }) => [chain, tenant]))
    presence.registered(known, capabilities.includes('heartbeat'))
    log.info('agent registered', { host_id: host.hostId, hostname: known.hostname, agent_version: agentVersion })
    return {
      serverProtoVersion: protocol.version,
      minSupportedAgentProtoVersion: protocol.minSupportedAgentVersion,
      capabilities: [...capabilities],
      chains: positions,
    }
  }

  async function* ship(requests: AsyncIterable<ShipRequest>, context: HandlerContext): AsyncGenerator<ShipAnswer> {
    try {
      const { chains } = peerOf(context)
      if (chains === undefined) throw transportError('NOT_REGISTERED', { attempted: 'opening a stream' })
      const host = hostOf(context)
      const { expired, end } = await streams.begin(peerOf(context), host)
      const promised = new Map<string, string>()
      try {
        yield* answersTo({
          requests,
          laneOf: ({ chain }) => chain,
          submit: (batch) => submit(peerOf(context), host, chains, promised, batch),
          inFlightMax: limits.batchesInFlightMax,
          room: room.of(host.hostId),
          ending: AbortSignal.any([stopping, expired]),
        })
      } finally {
        await end()
      }
    } catch (error) {
      if (context.signal.aborted) return
      throw refusal(error instanceof ConnectError ? brokenRequest(error) : error, context)
    }
  }

  async function* configuring(requests: AsyncIterable<ConfigureRequest>, context: HandlerContext) {
    try {
      yield* configure(lives, hostOf(context), requests, context)
    } catch (error) {
      if (context.signal.aborted) return
      throw refusal(error instanceof ConnectError ? brokenRequest(error) : error, context)
    }
  }

  const live = unary((requests: AsyncIterable<LiveRequest>, context) =>
    takeSignsOfLife(lives, hostOf(context), requests, context),
  )

  /** `promised`: the checkpoint that each chain was told of last on this stream. */
  async function submit(
    peer: Peer,
    host: Host,
    chains: ReadonlyMap<string, string>,
    promised: Map<string, string>,
    batch: ShipRequest,
  ): Promise<ShipAnswer> {
    const { chain } = batch
    const tenant = chains.get(chain)
    if (tenant === undefined) {
      counters.refused++
      throw transportError('NOT_REGISTERED', { attempted: `receiving a batch of the chain ${JSON.stringify(chain)}` })
    }
    presence.shipped(host)
    const outcome = await ingest.submit(host, tenant, batch, senderOf(peer)).catch((error: unknown) => {
      // Here, for the stream may have ended, and then nobody looks at how.
      if (isSealwatchError(error) && error.kind === 'fatal') onFatal(error)
      throw error
    })
    if (outcome.kind === 'acknowledged') {
      presence.admitted(host, tenant, batch.lines)
      releaseMessage(batch)
    }
    const newest = checkpointOf(tenant)
    const checkpoint = newest === undefined || promised.get(chain) === newest ? '' : newest
    if (outcome.kind === 'acknowledged' && checkpoint !== '') promised.set(chain, checkpoint)
    return { chain, outcome: outcomeMessage(chain, tenant, outcome, checkpoint) }
  }

  function brokenRequest(error: ConnectError): unknown {
    counters.refused++
    const code = error.code === Code.ResourceExhausted ? 'MESSAGE_TOO_LARGE' : 'MESSAGE_MALFORMED'
    return transportError(code, { attempted: 'reading a stream', received: error.rawMessage, cause: error })
  }

  return (router) => {
    const {
      enrol: enrolMethod,
      renew: renewMethod,
      register: registerMethod,
      ship: shipMethod,
      live: liveMethod,
      configure: configureMethod,
    } = AgentService.method
    const limited = (readMaxBytes: number) => ({ readMaxBytes, grpcWeb: false })
    const members = { ...limited(callBytesMax), requestGate: gate(0) }
    const shipping = { ...members, readMaxBytes: shipBytesMax }
    const living = { ...members, readMaxBytes: heartbeatBytesMax }
    const reporting = { ...members, readMaxBytes: reportBytesMax }
    router
      .rpc(enrolMethod, unary(enrol), limited(callBytesMax))
      .rpc(
        renewMethod,
        unary(async ({ csr }, context) => ({ certificates: await identity.renew(hostOf(context), csr) })),
        { ...members, requestGate: gate(renewalGraceMs) },
      )
      .rpc(registerMethod, unary(register), members)
      .rpc(liveMethod, live, living)
      .rpc(configureMethod, configuring, reporting)
      .rpc(shipMethod, ship, shipping)
    plainStream(router, liveMethod, answersOnce(live), living)
    plainStream(router, configureMethod, configuring, reporting)
    plainStream(router, shipMethod, ship, shipping)
  }
}

/** What broke with its connection is news to nobody; what we refuse is, whether or not somebody stays to hear it. */
function levelOf(
  error: unknown,
  { code }: ConnectError,
  { signal }: HandlerContext,
): 'debug' | 'info' | 'warn' | 'error' {
  if (signal.aborted && !isSealwatchError(error)) return 'debug'
  if (code === Code.Internal) return 'error'
  return code === Code.Unavailable ? 'info' : 'warn'
}

const answersOnce = <Request, Response>(answer: (request: Request, context: HandlerContext) => Promise<Response>) =>
  async function* (request: Request, context: HandlerContext) {
    yield await answer(request, context)
  }

type RegisterAnswer = MessageInitShape<typeof RegisterResponseSchema>
type ShipAnswer = MessageInitShape<typeof ShipResponseSchema>

function hostOf(context: HandlerContext): Host {
  const host = context.values.get(hostKey)
  assert(host !== undefined, 'the gate lets nobody through without a host')
  return host
}

const positionMessage = (chain: string, tenant: string, { nextSeq, tip }: Position) => ({
  chain,
  tenant,
  nextSeq: BigInt(nextSeq),
  tip: nextSeq === 0 || tip === null ? new Uint8Array() : Uint8Array.fromHex(tip),
})

function outcomeMessage(
  chain: string,
  tenant: string,
  outcome: Outcome,
  checkpoint: string,
): NonNullable<ShipAnswer['outcome']> {
  switch (outcome.kind) {
    case 'acknowledged':
      return {
        case: 'acknowledged',
        value: { nextSeq: BigInt(outcome.nextSeq), leafIndex: BigInt(outcome.leafIndex), checkpoint },
      }
    case 'quarantined': {
      const { nextSeq, reason, item, leafIndex } = outcome
      const value = { nextSeq: BigInt(nextSeq), reason, item, leafIndex: BigInt(leafIndex) }
      return { case: 'quarantined', value }
    }
    case 'refused': {
      const { code, message } = outcome.error
      return { case: 'refused', value: { code, message, expected: positionMessage(chain, tenant, outcome.expected) } }
    }
  }
}
