// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const transportErrors = {
  PORT_TAKEN: {
    kind: 'conflict',
    rule: 'the agent port must be free',
    advice: 'Stop what listens there (`ss -ltnp`) or choose another port with --port',
  },
  PORT_DENIED: {
    kind: 'denied',
    rule: 'the server must be allowed to listen on the agent port',
    advice: 'Choose a port from 1024 on with --port',
  },
  ADDRESS_NOT_HERE: {
    kind: 'conflict',
    rule: 'the server listens on an address of this machine',
    advice:
      'See what it has (`ip -brief address`), and give one of them by --address, or bring it back; it is tried again',
  },
  AGENT_TOO_OLD: {
    kind: 'conflict',
    rule: 'agent_proto_version is at least min_supported_agent_proto_version',
    advice: 'Upgrade sealwatch on the host (`git pull` and `./sealwatch up`); its events wait there meanwhile',
  },
  REGISTRATION_INCOMPLETE: {
    kind: 'invalid',
    rule: 'a registration names agent_version, the facts of the host, and 1 to 64 chains (agent-protocol.md, 4.2)',
    advice: 'Send every field; update the agent if it leaves one out',
  },
  REGISTRATIONS_WAIT: {
    kind: 'unavailable',
    rule: 'the server registers hosts one after the other, and begins no wait of more than 10 seconds',
    advice: 'Nothing is lost; the agent comes again when the answer says (`retry-after`, in seconds)',
  },
  NOT_REGISTERED: {
    kind: 'conflict',
    rule: 'a connection registers its chains before it ships them',
    advice: 'Call Register with every chain first, on the same connection',
  },
  CHAIN_OF_ANOTHER: {
    kind: 'denied',
    rule: 'a chain belongs to the host and the tenant that registered it first',
    advice: 'Begin a new chain on this host; if its data directory was copied from another one, remove the copy',
  },
  CHAIN_OF_ANOTHER_TENANT: {
    kind: 'denied',
    rule: 'a host registers chains of its own tenant, that of its join token, and of the tenant cluster',
    advice: 'Set SEALWATCH_AGENT_TENANT on the host to its tenant, or enrol it anew with a join token of the other one',
  },
  CHAINS_TOO_MANY: {
    kind: 'exhausted',
    rule: 'a host has at most 64 chains in its life',
    advice: 'Find out why the host keeps beginning new chains; enrol it anew with a new signing key to go on',
  },
  MESSAGE_TOO_LARGE: {
    kind: 'exhausted',
    rule: 'a message stays within the limits of agent-protocol.md, 6',
    advice: 'Send smaller batches',
  },
  MESSAGE_MALFORMED: {
    kind: 'invalid',
    rule: 'a message is what agent.proto says, in the framing of Connect or gRPC',
    advice: 'Check the version of the agent, and what stands between it and the server',
  },
  CONNECTIONS_TOO_MANY: {
    kind: 'exhausted',
    rule: 'a host has so many connections, and comes with one more each second (agent-protocol.md)',
    advice:
      'Look whether more than one agent runs with its certificate, or raise SEALWATCH_SERVER_CONNECTIONS_PER_SENDER',
  },
  STREAMS_TOO_MANY: {
    kind: 'exhausted',
    rule: 'a host has at most 4 streams open',
    advice: 'Close the old streams, or wait until the server notices that they are dead',
  },
  SERVER_STOPPING: {
    kind: 'unavailable',
    rule: 'a server that stops answers what it has and takes nothing new',
    advice: 'Connect again in a moment',
  },
} as const satisfies ErrorTable

export const transportError = errorsOf(transportErrors)
