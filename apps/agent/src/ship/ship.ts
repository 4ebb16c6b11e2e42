// SPDX-License-Identifier: Apache-2.0

import { Code, ConnectError } from '@connectrpc/connect'
import { isSealwatchError, messageOf } from '@sealwatch/base'
import { protocol } from '@sealwatch/contract'
import type { ConfigurationKeeper } from '../configuration/keep-configuration.ts'
import { backoffMs, createBackoff } from './backoff.ts'
import { type AgentConnection, connectAgent, registerTimeoutMs } from './client.ts'
import { type HandsPort, type Standings, takeConfigurations } from './configure.ts'
import type { ServerTrouble } from './enrol.ts'
import { shipError } from './errors.ts'
import type { HostFacts } from './host-facts.ts'
import type { Identity } from './identity.ts'
import type { IdentityKeeper } from './keep-identity.ts'
import { live } from './live.ts'
import { type ShippedChain, type StreamOptions, shipOverStream } from './stream.ts'

export type ShipOptions = Pick<StreamOptions, 'clock' | 'random' | 'log' | 'signal' | 'onRollback'> & {
  /** https://host:port of the server's agent port. */
  readonly url: string
  readonly identity: IdentityKeeper
  readonly agentVersion: string
  readonly facts: HostFacts
  /** What to ship; asked again at each registration, so `onRollback` can put a new chain in the place of the old. */
  readonly chains: () => readonly ShippedChain[]
  /** Resolves when there are others than these, or when the signal fires; left out: that never happens by itself. */
  readonly otherChains?: (than: readonly ShippedChain[], signal: AbortSignal) => Promise<void>
  /** Called when the server has registered this agent, and when the connection to it ends. */
  readonly onRegistered: (registered: boolean) => void
  /** Called with what ended the connection, or kept it from being made. */
  readonly onTrouble?: ((trouble: ServerTrouble) => void) | undefined
  /** A signed heartbeat, as of now; left out: none are sent. */
  readonly heartbeat?: () => string
  /** What the server tells this host; left out: nothing is taken. */
  readonly configuration?: ConfigurationKeeper
  /** How its policies are followed; left out: that is not said. */
  readonly standings?: Standings
  /** What the hands of this host have; left out: it has none. */
  readonly hands?: HandsPort
  /** Fires when the agent is about to stop: from then on it says no more that it lives. */
  readonly stopping?: AbortSignal
  /** Default: over the network. */
  readonly connect?: (identity: Identity) => AgentConnection
}

/** However late a server says. */
const laterMsMax = 60_000

/**
 * Registers and ships, again and again, until the signal fires. What the server has not acknowledged stays in the
 * chains, so a lost connection, a server that is down or a refused registration costs time only. Rejects with a fatal
 * error of the disk alone.
 */
export async function ship(options: ShipOptions): Promise<void> {
  const { url, identity, clock, random, log, signal } = options
  const connect = options.connect ?? ((used: Identity) => connectAgent(url, used.authorityPem, used))
  const backoff = createBackoff(random)
  let told = ''
  const onProgress = () => {
    backoff.reset()
    told = ''
  }
  while (!signal.aborted) {
    let registeredMs = Number.POSITIVE_INFINITY
    const used = identity.current
    const connection = connect(used)
    const { client } = connection
    const ended = new AbortController()
    let living: Promise<unknown> | undefined
    // Ends what is shipped in good order, for a connection that begins anew.
    const again = new AbortController()
    try {
      const { chains, capabilities } = await register(connection, options)
      registeredMs = clock.nowMs()
      options.onRegistered(true)
      if (options.heartbeat !== undefined) {
        const until = AbortSignal.any([ended.signal, signal, options.stopping ?? signal])
        living = live({ client, heartbeat: options.heartbeat, clock, log, signal: until })
      }
      if (options.configuration !== undefined && capabilities.includes('config')) {
        const until = AbortSignal.any([ended.signal, signal, options.stopping ?? signal])
        const keeper = options.configuration
        const onTaken = () => again.abort()
        const standings = capabilities.includes('policy-states') ? options.standings : undefined
        const hands = capabilities.includes('standing-orders') ? options.hands : undefined
        const taking = takeConfigurations({ client, keeper, standings, hands, onTaken, clock, log, signal: until })
        // What cannot be kept for sure ends this process, as where lines cannot.
        taking.catch((error: unknown) => again.abort(error))
        living = Promise.all([living, taking])
      }
      if (options.otherChains !== undefined) {
        const until = AbortSignal.any([ended.signal, signal])
        const registered = chains.map(({ chain }) => chain)
        void options.otherChains(registered, until).then(() => until.aborted || again.abort())
      }
      await shipOverStream({ ...options, client, chains, onProgress, signal: AbortSignal.any([signal, again.signal]) })
    } catch (error) {
      if (isSealwatchError(error) && error.kind === 'fatal') throw error
      if (signal.aborted) break
      // The same failure again is news to nobody; a stream that ends because its certificate was renewed is none.
      const text = messageOf(error)
      const level = levelOf(error)
      options.onTrouble?.({ text, refuses: level === 'critical' })
      log[text === told || used !== identity.current ? 'debug' : level](failure, { error })
      told = text
    } finally {
      options.onRegistered(false)
      ended.abort()
      connection.close()
      await living
    }
    if (clock.nowMs() - registeredMs > backoffMs.max) backoff.reset()
    await clock.sleep(backoff.nextMs(), signal)
  }
}

const failure = 'no connection to the server; events wait on this host and shipping will be tried again'

function levelOf(error: unknown): 'warn' | 'critical' {
  const needsAPerson = [Code.FailedPrecondition, Code.PermissionDenied, Code.InvalidArgument, Code.NotFound]
  return error instanceof ConnectError && needsAPerson.includes(error.code) ? 'critical' : 'warn'
}

type Registered = Pick<StreamOptions, 'chains'> & { readonly capabilities: readonly string[] }

/** Until it is its turn: where a server says when to come again, that is on the same connection. */
async function register(connection: AgentConnection, options: ShipOptions): Promise<Registered> {
  const { clock, random, log, signal } = options
  for (;;) {
    try {
      return await registerOnce(connection, options)
    } catch (error) {
      const laterMs = laterMsOf(error)
      if (laterMs === undefined) throw error
      // Who was told the same does not come together.
      const waitMs = Math.round(laterMs * (0.5 + random()))
      log.info('the server has other hosts to register first; events wait on this host', { wait_ms: waitMs })
      await clock.sleep(waitMs, signal)
    }
  }
}

/** When the server says that it can be asked again; undefined: it does not. */
function laterMsOf(error: unknown): number | undefined {
  if (!(error instanceof ConnectError) || ![Code.Unavailable, Code.ResourceExhausted].includes(error.code))
    return undefined
  const seconds = Number(error.metadata.get('retry-after'))
  return seconds > 0 ? Math.min(seconds * 1_000, laterMsMax) : undefined
}

async function registerOnce({ client }: AgentConnection, options: ShipOptions): Promise<Registered> {
  const chains = options.chains()
  const positions = chains.map(({ id, tenant, writer = '', position: { nextSeq, tip } }) => ({
    chain: id,
    tenant,
    writer,
    nextSeq: BigInt(nextSeq),
    tip: nextSeq === 0 || tip === null ? new Uint8Array() : Uint8Array.fromHex(tip),
  }))
  const answer = await client.register(
    {
      agentProtoVersion: protocol.version,
      agentVersion: options.agentVersion,
      // Who says that it beats is missed when it does not; so it says what it does.
      capabilities: protocol.capabilities.filter(
        (name) =>
          (name !== 'heartbeat' || options.heartbeat !== undefined) &&
          (name !== 'config' || options.configuration !== undefined) &&
          (name !== 'policy-states' || options.standings !== undefined) &&
          (name !== 'standing-orders' || options.hands !== undefined),
      ),
      facts: options.facts,
      chains: positions,
    },
    { signal: options.signal, timeoutMs: registerTimeoutMs },
  )
  const shipped = chains.map((chain) => {
    const expected = answer.chains.find((position) => position.chain === chain.id)
    if (expected !== undefined) return { chain, expected }
    throw shipError('SHIP_PROTOCOL', { attempted: 'registering', received: `no position of the chain ${chain.id}` })
  })
  return { chains: shipped, capabilities: answer.capabilities }
}
