// SPDX-License-Identifier: Apache-2.0

import { Code, type ConnectError, type ConnectRouter, createContextKey, type HandlerContext } from '@connectrpc/connect'
import { uResponseUnsupportedMediaType } from '@connectrpc/connect/protocol'
import { type Clock, createRate, isSealwatchError, type Log, type SealwatchError } from '@sealwatch/base'
import { IngestService, type RenewCertificateRequest, type SubmitRequest, submissionLimits } from '@sealwatch/contract'
import { type Action, type Authorised, type Gate, newRequestId, type Principal } from '../../../access/index.ts'
import { checkValidity, renewalGraceMs, type ServiceCertificate } from '../../../identity/index.ts'
import { rowError } from '../../rows/errors.ts'
import { leastCost } from '../../rows/row-room.ts'
import type { RowIngest } from '../../rows/rows.ts'
import { checkRequest, senderOfRows, serviceOf, submissionsInvalid } from '../../rows/service.ts'
import { connectErrorOf } from '../connect-error.ts'
import type { TransportCounters } from '../handlers.ts'
import { type Peer, peerKey, peerOf } from '../peer.ts'
import type { SenderConnections } from '../sender-connections.ts'
import { wrapHandler } from '../wrap-handler.ts'
import { outcomeMessage, rowsIn } from './rows-message.ts'
import { createRequestScan } from './scan-request.ts'

/** What each method is to the gate; one that is missing here does not compile. */
export const submitActions = {
  submit: 'rows:write',
  renewCertificate: 'rows:write',
} as const satisfies { readonly [M in keyof typeof IngestService.method]: Action }

/** One that has a tenant of its own. */
type Member = Extract<Principal, { readonly tenant: string }>

/** Of services: which of their certificates count, and the next ones. */
type CertificatePort = {
  check(certificate: ServiceCertificate): void
  attach(certificate: ServiceCertificate, close: () => void): () => void
  renew(by: Authorised<'rows:write'>, certificate: ServiceCertificate, csr: Uint8Array): Promise<readonly Uint8Array[]>
}

/** Whose rows come here, and where they go. */
export type SubmissionDoor = {
  readonly rows: Pick<RowIngest, 'begin' | 'refuse' | 'submit'>
  /** Whose token a header Authorization brings, as of any request; throws where it brings none that counts. */
  readonly readBearer: (header: string, from: { readonly source: string; readonly requestId: string }) => Member
  readonly certificates: CertificatePort
}

export type SubmitOptions = {
  readonly gate: Pick<Gate, 'authorise'>
  readonly submissions: SubmissionDoor
  readonly counters: Pick<TransportCounters, 'denied' | 'refused'>
  readonly senders: Pick<SenderConnections, 'note'>
  readonly clock: Clock
  readonly log: Log
  readonly onFatal: (error: SealwatchError) => void
}

const KiB = 1024
/** Payloads, and what else each submission has, none of which is longer than its limit. */
const requestBytesMax = submissionLimits.requestBytesMax + submissionLimits.requestSubmissionsMax * 2 * KiB
const renewalBytesMax = 8 * KiB
/** Each is a line of the ledger: of one certificate so many at once, and then one in ten minutes. */
const renewalsOf = { burst: 8, perSecond: 1 / 600, keysMax: 100_000 } as const
/** From the first byte of a call to the last of its answer: nobody holds a place by being slow. */
const callMsMax = 30_000
/** As protobuf alone, for its length is read along before it is decoded. */
const media: readonly (string | null)[] = ['application/grpc', 'application/grpc+proto']

/** Ends the call, whatever is under way of it. */
export type Call = { end(): void; onEnd(listener: () => void): void }
export const callKey = createContextKey<Call | undefined>(undefined)
const byKey = createContextKey<Authorised<'rows:write'> | undefined>(undefined)

/** The methods of IngestService (docs/formats/submission.md, 4.2). */
export function submitRoutes(options: SubmitOptions): (router: ConnectRouter) => void {
  const { gate, submissions, counters, clock, log, onFatal } = options
  const { rows, readBearer, certificates } = submissions
  const attached = new WeakSet<Peer>()
  const renewals = createRate(clock, renewalsOf)

  function refusal(error: unknown, context: HandlerContext): ConnectError {
    if (isSealwatchError(error) && error.kind === 'fatal') onFatal(error)
    const answer = connectErrorOf(error)
    const by = context.values.get(byKey)
    const facts = { peer: context.values.get(peerKey)?.address, service: by && serviceOf(by).producer, error }
    // Of what comes from outside the counters tell: whoever is refused does not fill the log.
    log[answer.code === Code.Internal ? 'error' : 'debug']('a submission was refused', facts)
    return answer
  }

  /** By its certificate, which is asked about at each call: a connection outlives what it began with. */
  function serviceAt(peer: Peer, graceMs: number): Member {
    const certificate = peer.serviceCertificate()
    checkValidity(certificate, clock.nowMs(), graceMs)
    certificates.check(certificate)
    if (!attached.has(peer)) {
      attached.add(peer)
      peer.onClose(certificates.attach(certificate, () => peer.close()))
    }
    const { tenant, producer, certificateId } = certificate
    return { kind: 'service', id: certificateId, tenant, service: producer }
  }

  /** Settles who calls, and that they have not too much under way, before anything of the body is read. */
  const letIn = (graceMs: number, bearer: boolean) => async (context: HandlerContext) => {
    try {
      const call = context.values.get(callKey)
      const peer = peerOf(context)
      const requestId = newRequestId()
      endLate(call)
      const header = bearer ? context.requestHeader.get('authorization') : null
      const source = { source: peer.client, requestId }
      const principal = header === null ? serviceAt(peer, graceMs) : readBearer(header, source)
      const by = gate.authorise(principal, submitActions.submit, { tenant: principal.tenant, requestId })
      const { tenant, producer } = serviceOf(by)
      const asker = { onDeaf: () => peer.close(), onGone: (listener: () => void) => call?.onEnd(listener) }
      if (!options.senders.note(`service ${tenant}/${producer}`, peer)) {
        // Told as late as every refusal: at once, it would come again at once.
        await rows.refuse({ tenant, producer }, 'one connection more of many', asker)
      }
      // How long its message is, it says in the first bytes of the body.
      const leave = await rows.begin({ tenant, producer }, 0, asker)
      if (call === undefined) leave()
      call?.onEnd(leave)
      context.values.set(byKey, by)
    } catch (error) {
      counters.denied++
      throw refusal(error, context)
    }
  }

  function endLate(call: Call | undefined): void {
    const over = new AbortController()
    call?.onEnd(() => over.abort())
    const waited = clock.sleep(callMsMax, over.signal)
    void waited.then(() => over.signal.aborted || call?.end())
  }

  const answered =
    <Request, Response>(answer: (by: Authorised<'rows:write'>, request: Request, peer: Peer) => Promise<Response>) =>
    async (request: Request, context: HandlerContext): Promise<Response> => {
      try {
        return await answer(context.values.get(byKey) as Authorised<'rows:write'>, request, peerOf(context))
      } catch (error) {
        counters.refused++
        throw refusal(error, context)
      }
    }

  async function submit(by: Authorised<'rows:write'>, request: SubmitRequest, peer: Peer) {
    const certificate = by.principal.kind === 'service' ? peer.serviceCertificate().serial : null
    const sender = senderOfRows(by, peer.address, certificate)
    const outcomes = await rows.submit(serviceOf(by), checkRequest(rowsIn(request)), sender, leastCost)
    return { outcomes: outcomes.map(outcomeMessage) }
  }

  async function renew(by: Authorised<'rows:write'>, { csr }: RenewCertificateRequest, peer: Peer) {
    const certificate = peer.serviceCertificate()
    const waitMs = renewals.take(certificate.certificateId)
    if (waitMs > 0)
      throw rowError('ROWS_LIMITED', { attempted: 'renewing a certificate', received: 'one renewal more', waitMs })
    return { certificates: [...(await certificates.renew(by, certificate, csr))] }
  }

  return (router) => {
    const { method } = IngestService
    router
      .rpc(method.submit, answered(submit), { readMaxBytes: requestBytesMax, requestGate: letIn(0, true) })
      .rpc(method.renewCertificate, answered(renew), {
        readMaxBytes: renewalBytesMax,
        requestGate: letIn(renewalGraceMs, false),
      })
    readAlong(router, method.submit, counters)
  }
}

/** Looks at the bytes of a request before they are decoded. */
function readAlong(
  router: ConnectRouter,
  method: typeof IngestService.method.submit,
  counters: SubmitOptions['counters'],
): void {
  wrapHandler(router, method, (handle) => async (request) => {
    if (!media.includes(request.header.get('content-type'))) return uResponseUnsupportedMediaType
    return handle({ ...request, body: scanned(request.body as AsyncIterable<Uint8Array>, counters) })
  })
}

async function* scanned(
  body: AsyncIterable<Uint8Array>,
  counters: SubmitOptions['counters'],
): AsyncIterable<Uint8Array> {
  const scan = createRequestScan()
  for await (const piece of body) {
    const fault = scan(piece)
    if (fault !== undefined) {
      counters.refused++
      throw connectErrorOf(submissionsInvalid(fault))
    }
    yield piece
  }
}
