// SPDX-License-Identifier: Apache-2.0

import { once } from 'node:events'
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls'
import { type Client, createClient } from '@connectrpc/connect'
import { createConnectTransport, Http2SessionManager } from '@connectrpc/connect-node'
import { AgentService, limits } from '@sealwatch/contract'
import { type AuthorityChain, authorityOver, certificatesShown, trusting } from '@sealwatch/keys'
import { shipError } from './errors.ts'
import type { Identity } from './identity.ts'

export type AgentConnection = {
  readonly client: Client<typeof AgentService>
  /** Ends the connection with every call on it. */
  close(): void
}

/** Longest wait for the answer to Enrol or Renew. */
export const callTimeoutMs = 10_000
/** Where many hosts come at once the answer to Register takes its time; who gives up comes again with another handshake. */
export const registerTimeoutMs = 30_000
/**
 * Of a connection on which nothing comes, and while it waits for the answer to Register: so the agent knows that it has no server,
 * whatever drops its packets (12 s measured, on a busy machine).
 */
const pingsMs = { interval: 3_000, timeout: 5_000, registering: registerTimeoutMs }
/** A configuration is the longest. */
const responseBytesMax = 2 * 1024 * 1024

/**
 * A connection over HTTP/2 and TLS 1.3 that is opened at the first call, to a server certified by the authority of this chain
 * alone, with the host's certificate where it has one.
 */
export function connectAgent(
  url: string,
  authorityPem: string,
  identity?: Identity,
  pingMs = pingsMs,
): AgentConnection {
  const sessions = new Sessions(url, pingMs, tlsOf(authorityPem, identity))
  const transport = createConnectTransport({
    baseUrl: url,
    httpVersion: '2',
    sessionManager: sessions,
    acceptCompression: [],
    readMaxBytes: responseBytesMax,
    writeMaxBytes: limits.batchBytesMax * 2,
  })
  return { client: createClient(AgentService, transport), close: () => sessions.abort() }
}

type Tls = { readonly secureContext: SecureContext } & Pick<ReturnType<typeof trusting>, 'checkServerIdentity'>

/** What TLS makes of the keys and certificates of an identity, which connects again and again. */
const made = new WeakMap<Identity, Tls>()

function tlsOf(authorityPem: string, identity: Identity | undefined): Tls {
  const isKept = identity?.authorityPem === authorityPem
  const kept = isKept ? made.get(identity) : undefined
  if (kept !== undefined) return kept
  const own = identity && { cert: identity.certificatePem, key: identity.keyPem }
  const { ca, checkServerIdentity } = trusting(authorityPem)
  const tls = { secureContext: createSecureContext({ ca, minVersion: 'TLSv1.3', ...own }), checkServerIdentity }
  if (isKept) made.set(identity, tls)
  return tls
}

/**
 * While Register waits for its answer a PING has as long as it, until the next call. connect-node reads its option at each PING.
 *
 * A session whose PING was not answered says so once more when its socket is gone; by then whoever heard of it first may have
 * given the connection up, and connect-node listens to the session no longer: an error without a listener ends the process.
 */
class Sessions extends Http2SessionManager {
  readonly #pingMs: typeof pingsMs

  constructor(url: string, pingMs: typeof pingsMs, tls: Tls) {
    super(url, { pingIntervalMs: pingMs.interval, pingTimeoutMs: pingMs.timeout }, tls)
    this.#pingMs = pingMs
  }

  override async request(...asked: Parameters<Http2SessionManager['request']>) {
    const isRegister = asked[1].endsWith(`/${AgentService.method.register.name}`)
    const pingTimeoutMs = isRegister ? this.#pingMs.registering : this.#pingMs.timeout
    // Private to it, as TypeScript has it.
    Object.assign(Reflect.get(this, 'options'), { pingTimeoutMs })
    const stream = await super.request(...asked)
    if (stream.session?.listeners('error').includes(heardBefore) === false) stream.session.on('error', heardBefore)
    return stream
  }
}
const heardBefore = () => undefined

/**
 * Shakes hands with the server to learn its authority, which must be the one that `pin` (the beginning of its fingerprint,
 * hex) names. Sends nothing: the certificate is only trusted by the connections made with it afterwards.
 * Throws SERVER_NOT_PINNED, or the error of the socket.
 */
export async function fetchAuthority(url: string, pin: string, signal: AbortSignal): Promise<AuthorityChain> {
  const { hostname, port } = new URL(url)
  const socket = connectTls({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || 443),
    minVersion: 'TLSv1.3',
    ALPNProtocols: ['h2'],
    rejectUnauthorized: false,
  })
  try {
    await once(socket, 'secureConnect', { signal })
    const [leaf, ...above] = certificatesShown(socket.getPeerX509Certificate())
    const authority = leaf && authorityOver(leaf, above, pin)
    if (authority !== undefined) return authority
    throw shipError('SERVER_NOT_PINNED', { attempted: `checking the server ${url} against the pin ${pin}` })
  } finally {
    socket.destroy()
  }
}
