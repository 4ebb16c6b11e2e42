// SPDX-License-Identifier: Apache-2.0

import {
  type ChainPosition,
  type ChainWriter,
  chainForm,
  isChainWriter,
  limits,
  protocol,
  type RegisterRequest,
  tenantForm,
} from '@sealwatch/contract'
import { checkHostFacts, type HostFacts } from '../../identity/index.ts'
import { transportError } from './errors.ts'

/** Where a chain stands. `tip` is the hex leaf hash of the line before `nextSeq`; null where nobody knows it. */
export type Position = { readonly nextSeq: number; readonly tip: string | null }

export type RegisteredChain = {
  readonly chain: string
  readonly tenant: string
  readonly writer: ChainWriter
  /** As the host has it. */
  readonly position: Position
}

export type Registration = {
  readonly agentVersion: string
  readonly capabilities: readonly string[]
  readonly facts: HostFacts
  readonly chains: readonly RegisteredChain[]
}

const agentVersionCharsMax = 64
const capabilitiesMax = 64

/** docs/formats/agent-protocol.md, 4.2. Throws AGENT_TOO_OLD, REGISTRATION_INCOMPLETE or HOST_FACTS_INVALID. */
export function checkRegistration(request: RegisterRequest): Registration {
  const { agentProtoVersion, agentVersion, capabilities, facts, chains } = request
  const attempted = 'registering an agent'
  if (agentProtoVersion < protocol.minSupportedAgentVersion) {
    const { minSupportedAgentVersion: least } = protocol
    const received = `agent_proto_version ${agentProtoVersion} where min_supported_agent_proto_version is ${least}`
    throw transportError('AGENT_TOO_OLD', { attempted, received })
  }
  const fault =
    agentVersion === '' || agentVersion.length > agentVersionCharsMax
      ? `agent_version ${JSON.stringify(agentVersion)}`
      : capabilities.length > capabilitiesMax
        ? `${capabilities.length} capabilities`
        : chains.length === 0 || chains.length > limits.chainsPerHostMax
          ? `${chains.length} chains`
          : new Set(chains.map(({ chain }) => chain)).size < chains.length
            ? 'a chain twice'
            : chains.map(faultOfPosition).find((found) => found !== undefined)
  if (fault !== undefined) throw transportError('REGISTRATION_INCOMPLETE', { attempted, received: fault })
  return {
    agentVersion,
    capabilities: protocol.capabilities.filter((name) => capabilities.includes(name)),
    facts: checkHostFacts(facts),
    chains: chains.map(({ chain, tenant, writer, nextSeq, tip }) => ({
      chain,
      tenant,
      writer: writer as ChainWriter,
      position: { nextSeq: Number(nextSeq), tip: tip.length === 0 ? null : tip.toHex() },
    })),
  }
}

function faultOfPosition({ chain, tenant, writer, nextSeq, tip }: ChainPosition): string | undefined {
  if (!chainForm.test(chain)) return `the chain ${JSON.stringify(chain)}`
  if (!isChainWriter(writer)) return `the writer ${JSON.stringify(writer)}`
  if (!tenantForm.test(tenant)) return `the tenant ${JSON.stringify(tenant)}`
  if (nextSeq > Number.MAX_SAFE_INTEGER) return `next_seq ${nextSeq}`
  const tipLengths = nextSeq === 0n ? [0] : [0, 32]
  return tipLengths.includes(tip.length) ? undefined : `a tip of ${tip.length} bytes`
}

/**
 * What it means that a host's chain stands at `agent` where the ledger has it at `server` (LOG-4): it goes on, it lost
 * lines that the server has seen, or it holds other lines in their place.
 */
export function compare(agent: Position, server: Position): 'continues' | 'cut_off' | 'forked' {
  if (agent.nextSeq < server.nextSeq) return 'cut_off'
  const sameEnd = agent.nextSeq === server.nextSeq && agent.tip !== null && server.tip !== null
  return sameEnd && agent.nextSeq > 0 && agent.tip !== server.tip ? 'forked' : 'continues'
}
