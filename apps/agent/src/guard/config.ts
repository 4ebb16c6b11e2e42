// SPDX-License-Identifier: Apache-2.0

import { integer, text } from '@sealwatch/base'

export const guardConfigPrefix = 'SEALWATCH_GUARD_'

const user = { min: 1, max: 4_294_967_294 } as const

export const guardSettings = {
  dataDir: text({
    env: 'SEALWATCH_GUARD_DATA_DIR',
    help: 'Where the guard keeps its chains and what the server told it',
  }),
  runDir: text({
    env: 'SEALWATCH_GUARD_RUN_DIR',
    help: 'Where the sensor, the agent and whoever wants to be protected connect',
  }),
  localFile: text({
    env: 'SEALWATCH_GUARD_LOCAL_FILE',
    help: "Root's file, guard.json, which says what the guard does where no server says it",
  }),
  authorityFile: text({
    env: 'SEALWATCH_GUARD_AUTHORITY_FILE',
    help: "Root's file that says which CA the guard believes: JSON with caFingerprint, as trust.json, or caPin, as joined.json",
  }),
  hostKey: text({ env: 'SEALWATCH_GUARD_HOST_KEY', help: 'The key of this host, which its agent makes; waited for' }),
  handsSocket: text({
    env: 'SEALWATCH_GUARD_HANDS_SOCKET',
    default: '',
    help: 'Where the hands listen; empty: nothing is ended',
  }),
  mountNamespaceFile: text({
    env: 'SEALWATCH_GUARD_MOUNT_NAMESPACE_FILE',
    default: '',
    help: "Where root wrote the number of the machine's mount namespace, for a guard that does not begin as root; empty: it looks itself",
  }),
  mode: text({
    env: 'SEALWATCH_GUARD_MODE',
    default: '',
    form: /^(?:|observe|off)$/,
    mustBe: 'observe, off, or empty',
    help: 'For development: `observe` tells and does nothing, `off` does not look; empty: as the server or guard.json says',
  }),
  tenant: text({
    env: 'SEALWATCH_GUARD_TENANT',
    default: 'default',
    form: /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/,
    mustBe: 'a tenant name: lower-case letters, digits and inner hyphens, at most 64',
    help: 'The tenant that this machine belongs to',
  }),
  maxAuditLogSizeMb: integer({
    env: 'SEALWATCH_GUARD_MAX_AUDIT_LOG_SIZE_MB',
    default: 100,
    min: 16,
    max: 1_048_576,
    help: 'Most that each chain of the guard takes on this disk, MiB; shipped files make room first',
  }),
  agentUid: integer({
    env: 'SEALWATCH_GUARD_AGENT_UID',
    default: 64_702,
    ...user,
    help: 'User of the agent, who alone may take what is sealed here',
  }),
  agentGid: integer({
    env: 'SEALWATCH_GUARD_AGENT_GID',
    default: 64_702,
    ...user,
    help: 'Group of the agent',
  }),
  uid: integer({
    env: 'SEALWATCH_GUARD_UID',
    default: 64_707,
    ...user,
    help: 'User the guard runs as when started by root',
  }),
  gid: integer({
    env: 'SEALWATCH_GUARD_GID',
    default: 64_702,
    ...user,
    help: "Group the guard runs as when started by root: the agent's, which its sockets are for",
  }),
} as const
