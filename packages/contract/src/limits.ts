// SPDX-License-Identifier: Apache-2.0

const KiB = 1024
const MiB = 1024 * KiB

/** Every bound that two processes must agree on. Bytes and counts, never a mixture. */
export const limits = {
  /** C2SP tlog-tiles: an entry's length is a uint16. */
  lineBytesMax: 65_535,
  /** Lines of one batch, its head included. */
  batchLinesMax: 4_096,
  /** Bytes of one batch's lines, newlines included. */
  batchBytesMax: 4 * MiB,
  sideBytesMax: 64 * KiB,
  tenantNameMax: 64,
  chainsPerHostMax: 64,
  tokenTtlSecondsMax: 7 * 24 * 3600,
  /**
   * What one agent may have in flight before it waits for an acknowledgement: so many batches, and once it is so many bytes no
   * more. A batch of one alert is small: eight of those, where answers take a second, would be eight alerts a second.
   */
  batchesInFlightMax: 64,
  bytesInFlightMax: 8 * MiB,
} as const

export const protocol = {
  version: 1,
  minSupportedAgentVersion: 1,
  capabilities: ['side-values', 'heartbeat', 'config', 'policy-states', 'standing-orders'],
  /** How often an agent that can says that it lives (agent-protocol.md, 8). */
  heartbeatEveryMs: 3_000,
} as const

/** A tenant's name: lower-case, as it appears in paths, labels and lines. */
export const tenantForm = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/
/** Which program of a host seals a chain: the agent itself, or another that it ships for. */
export const chainWriters = ['', 'guard'] as const
export type ChainWriter = (typeof chainWriters)[number]
export const isChainWriter = (name: string): name is ChainWriter => (chainWriters as readonly string[]).includes(name)
export const chainForm = /^[0-9a-f]{32}$/
/** `swj_<secret>.<pin>` (agent-protocol.md, 2.1): 32 random bytes in base64url, and how the fingerprint of the CA begins. */
export const joinTokenForm = /^swj_([A-Za-z0-9_-]{43})\.([0-9a-f]{32})$/
