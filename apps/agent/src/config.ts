// SPDX-License-Identifier: Apache-2.0

import { integer, text } from '@sealwatch/base'
import { healthHosts } from '@sealwatch/base/health'
import { queueLimitsDefault } from './journal/journal.ts'

const MiB = 1024 * 1024

export const agentConfigPrefix = 'SEALWATCH_AGENT_'

export const agentSettings = {
  dataDir: text({
    env: 'SEALWATCH_AGENT_DATA_DIR',
    help: 'Where the agent keeps its identity, its key and its chains',
  }),
  runDir: text({
    env: 'SEALWATCH_AGENT_RUN_DIR',
    help: 'Where the sensor connects (sensor.sock) and the agent writes its status',
  }),
  serverHost: text({
    env: 'SEALWATCH_AGENT_SERVER_HOST',
    default: '127.0.0.1',
    help: 'Host name or address of the server',
  }),
  serverPort: integer({
    env: 'SEALWATCH_AGENT_SERVER_PORT',
    default: 7443,
    min: 1,
    max: 65_535,
    help: "The server's agent port",
  }),
  tenant: text({
    env: 'SEALWATCH_AGENT_TENANT',
    default: 'default',
    form: /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/,
    mustBe: 'a tenant name: lower-case letters, digits and inner hyphens, at most 64',
    help: 'The tenant that this machine belongs to',
  }),
  guardSocket: text({
    env: 'SEALWATCH_AGENT_GUARD_SOCKET',
    default: '',
    help: "Where this machine's guard listens for its agent (agent.sock); empty: it has none",
  }),
  uid: integer({
    env: 'SEALWATCH_AGENT_UID',
    default: 64_702,
    min: 1,
    max: 4_294_967_294,
    help: 'User the agent runs as when started by root',
  }),
  gid: integer({
    env: 'SEALWATCH_AGENT_GID',
    default: 64_702,
    min: 1,
    max: 4_294_967_294,
    help: 'Group the agent runs as when started by root',
  }),
  maxAuditLogSizeMb: integer({
    env: 'SEALWATCH_AGENT_MAX_AUDIT_LOG_SIZE_MB',
    default: 500,
    min: 16,
    max: 1_048_576,
    help: 'Most that the chain of a tenant takes on this disk, MiB; shipped files make room first',
  }),
  watcherBuffer: integer({
    env: 'SEALWATCH_AGENT_WATCHER_BUFFER',
    default: queueLimitsDefault.watcherBuffer,
    min: 16,
    max: 100_000,
    help: 'Events of a watcher that wait to be sealed; with more it waits as well, as long as sealing goes on',
  }),
  maxQueueDepth: integer({
    env: 'SEALWATCH_AGENT_MAX_QUEUE_DEPTH',
    default: queueLimitsDefault.maxQueueDepth,
    min: 16,
    max: 1_000_000,
    help: 'Events that wait to be sealed, or unread by estimate; beyond it informational ones are shed and counted',
  }),
  epochLines: integer({
    env: 'SEALWATCH_AGENT_EPOCH_LINES',
    default: 4_096,
    min: 1,
    max: 1_048_576,
    help: 'An epoch of a chain is closed, and its key destroyed, by the append that brings it to so many lines',
  }),
  epochSeconds: integer({
    env: 'SEALWATCH_AGENT_EPOCH_SECONDS',
    default: 10,
    min: 1,
    max: 3_600,
    help: 'Seconds after its first line that an epoch is closed; until then root on this host can alter what is in it',
  }),
  epochIdleSeconds: integer({
    env: 'SEALWATCH_AGENT_EPOCH_IDLE_SECONDS',
    default: 60,
    min: 1,
    max: 86_400,
    help: 'When nothing happens an epoch without lines is closed so often: a sign of life',
  }),
  supervisorFd: integer({
    env: 'SEALWATCH_AGENT_SUPERVISOR_FD',
    default: 0,
    min: 0,
    max: 1_023,
    help: 'Descriptor of the socket to its supervisor, which `sealwatch up` gives it; 0: nobody supervises it so',
  }),
  healthAddress: text({
    env: 'SEALWATCH_AGENT_HEALTH_ADDRESS',
    default: '127.0.0.1',
    help: 'Address of /healthz, /readyz and /metrics; whoever reaches it may read them',
  }),
  healthPort: integer({
    env: 'SEALWATCH_AGENT_HEALTH_PORT',
    default: 0,
    min: 0,
    max: 65_535,
    help: 'Port of /healthz, /readyz and /metrics; 0 takes a free one, which `sealwatch status` shows',
  }),
  healthHosts: healthHosts('SEALWATCH_AGENT_HEALTH_HOSTS'),
} as const

/** A chain begins a new file at this size: small enough to read at start-up, large enough to be few. */
export const segmentBytesMax = 8 * MiB
