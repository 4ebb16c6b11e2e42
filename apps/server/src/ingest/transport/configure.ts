// SPDX-License-Identifier: Apache-2.0

import type { MessageInitShape } from '@bufbuild/protobuf'
import { ConnectError, type HandlerContext } from '@connectrpc/connect'
import { type Clock, createBell } from '@sealwatch/base'
import {
  type ConfigureRequest,
  type ConfigureResponseSchema,
  type PolicyMeans,
  type PolicyStanding,
  type PolicyState,
  policyMeans,
  policyStandingsMax,
  slugName,
} from '@sealwatch/contract'
import { hostConfigLimits } from '@sealwatch/contract/host-config'
import { isSoundPublicKey } from '@sealwatch/keys'
import { checkValidity, type Host, type Hosts } from '../../identity/index.ts'
import { transportError } from './errors.ts'
import { peerOf } from './peer.ts'

/** What a host says that it has in force. */
export type ConfigReport = {
  readonly version: number
  /** Hex SHA-256; empty: nothing. */
  readonly digest: string
  readonly onTrial: boolean
  /** 0: it has taken the newest. */
  readonly refusedVersion: number
  readonly refusedWhy: string
  /** How it follows its policies; undefined: it does not say. */
  readonly policies: readonly PolicyStanding[] | undefined
}

/** What the transport needs of those who know what hosts are to be told. */
export type ConfigPort = {
  /** Undefined: nothing. */
  desired(
    host: Host,
  ): Promise<
    { readonly version: number; readonly digest: string; readonly envelope: () => Promise<string> } | undefined
  >
  report(host: Host, report: ConfigReport): Promise<void>
  /** Resolves when a host of the tenant may be told something else, or when the signal fires. */
  wait(tenant: string, signal: AbortSignal): Promise<void>
}

/** What a host says of its hands (docs/formats/orders.md). */
export type HandsReport = {
  /** Raw Ed25519 public key of its guard. */
  readonly guardKey: Uint8Array
  /** Of the standing order that they hold; 0: none. */
  readonly version: number
  /** Hex SHA-256 of its payload; empty: none. */
  readonly digest: string
  readonly refusedWhy: string
}

/** What the transport needs of those who know what hands may do. */
export type OrderPort = {
  /** The standing order that a host is to have where it says this; undefined: what it has. */
  desired(host: Host, hands: HandsReport): Promise<{ readonly version: number; readonly envelope: string } | undefined>
}

export type ConfigureOptions = {
  readonly hosts: Pick<Hosts, 'attach'>
  readonly configs: ConfigPort
  readonly orders: OrderPort
  /** Fires when the server stops. */
  readonly stopping: AbortSignal
  readonly clock: Clock
}

const whyUnitsMax = 400

/** Tells a host what it is to have, whenever that is something else than it says that it has (agent-protocol.md, 9). */
export async function* configure(
  { hosts, configs, orders, stopping, clock }: ConfigureOptions,
  host: Host,
  requests: AsyncIterable<ConfigureRequest>,
  context: HandlerContext,
): AsyncGenerator<MessageInitShape<typeof ConfigureResponseSchema>> {
  const peer = peerOf(context)
  if (peer.chains === undefined)
    throw transportError('NOT_REGISTERED', { attempted: 'taking what a host has in force' })
  const detach = hosts.attach(host.hostId, () => peer.close())
  const over = new AbortController()
  const ending = AbortSignal.any([stopping, over.signal, context.signal])
  const heard = createBell()
  let report: ConfigReport | undefined
  let hands: HandsReport | undefined
  let failure: { readonly error: unknown } | undefined
  void read()

  async function read(): Promise<void> {
    try {
      for await (const request of requests) {
        checkValidity(peer.certificate(), clock.nowMs())
        const said = reportIn(request)
        await configs.report(host, said)
        report = said
        hands = handsIn(request)
        heard.ring()
      }
    } catch (error) {
      // That its connection ended is no matter of this stream.
      if (!(error instanceof ConnectError)) failure = { error }
    } finally {
      over.abort()
    }
  }

  let sent = 0
  let confirmed = 0
  let ordered = ''
  try {
    while (!ending.aborted) {
      const turn = new AbortController()
      const until = AbortSignal.any([ending, turn.signal])
      // Asked for first: what changes meanwhile is not missed.
      const woken = Promise.race([heard.wait(until), configs.wait(host.tenant, until)])
      if (report !== undefined) {
        const { version, onTrial, refusedVersion } = report
        if (onTrial && confirmed !== version) {
          confirmed = version
          yield { said: { case: 'confirmedVersion', value: BigInt(version) } }
        }
        const wanted = await configs.desired(host)
        if (wanted !== undefined && wanted.version > Math.max(version, refusedVersion, sent)) {
          sent = wanted.version
          yield { said: { case: 'envelope', value: await wanted.envelope() } }
        }
      }
      const order = hands && (await orders.desired(host, hands))
      // What they refuse is not said again on this connection.
      if (order !== undefined && order.envelope !== ordered) {
        ordered = order.envelope
        yield { said: { case: 'standingOrder', value: ordered } }
      }
      await woken
      turn.abort()
    }
  } finally {
    over.abort()
    detach()
  }
  if (failure !== undefined) throw failure.error
}

function reportIn(request: ConfigureRequest): ConfigReport {
  const { version, digest, onTrial, refusedVersion, refusedWhy, policyStates } = request
  const policies = policyStates?.policies
  const isFormed =
    [version, refusedVersion].every((each) => each <= hostConfigLimits.versionSaidMax) &&
    /^(?:[0-9a-f]{64})?$/.test(digest) &&
    (policies === undefined || (policies.length <= policyStandingsMax && policies.every(isStanding)))
  if (!isFormed)
    throw transportError('MESSAGE_MALFORMED', {
      attempted: 'reading what a host has in force',
      received: `version ${version}, digest ${JSON.stringify(digest.slice(0, 80))}, states of ${policies?.length ?? 'no'} policies`,
    })
  const why = refusedWhy.slice(0, whyUnitsMax).toWellFormed()
  return {
    version: Number(version),
    digest,
    onTrial,
    refusedVersion: Number(refusedVersion),
    refusedWhy: why,
    policies: policies?.map(({ policy, version: of, means, hindrance }) => ({
      policy,
      version: Number(of),
      means: means as PolicyMeans,
      hindrance,
    })),
  }
}

function handsIn({ hands }: ConfigureRequest): HandsReport | undefined {
  if (hands === undefined) return undefined
  const { guardKey, orderVersion, orderDigest, refusedWhy } = hands
  if (
    isSoundPublicKey(guardKey) &&
    orderVersion <= hostConfigLimits.versionSaidMax &&
    /^(?:[0-9a-f]{64})?$/.test(orderDigest)
  )
    return {
      guardKey,
      version: Number(orderVersion),
      digest: orderDigest,
      refusedWhy: refusedWhy.slice(0, whyUnitsMax).toWellFormed(),
    }
  throw transportError('MESSAGE_MALFORMED', {
    attempted: 'reading what the hands of a host have',
    received: `a key of ${guardKey.length} bytes, version ${orderVersion}, digest ${JSON.stringify(orderDigest.slice(0, 80))}`,
  })
}

/** A newer agent may know more hindrances, and no more means. */
const isStanding = ({ policy, version, means, hindrance }: PolicyState) =>
  slugName.form.test(policy) &&
  version <= Number.MAX_SAFE_INTEGER &&
  (policyMeans as readonly string[]).includes(means) &&
  /^[a-z_]{0,32}$/.test(hindrance)
