// SPDX-License-Identifier: Apache-2.0

import { integer, optional, text } from '@sealwatch/base'
import { healthHosts } from '@sealwatch/base/health'

export const proxyConfigPrefix = 'SEALWATCH_PROXY_'

const user = { default: 64_705, min: 1, max: 4_294_967_294 } as const
const path = { form: /^\//, mustBe: 'an absolute path' } as const

export const signingProxySettings = {
  dataDir: text({ env: 'SEALWATCH_PROXY_DATA_DIR', help: 'Where the audit chain and the record of keys lie' }),
  host: text({ env: 'SEALWATCH_PROXY_HOST', default: '127.0.0.1', help: 'Address to listen on' }),
  port: integer({
    env: 'SEALWATCH_PROXY_PORT',
    default: 8081,
    min: 0,
    max: 65_535,
    help: 'Port to listen on; 0 takes a free one',
  }),
  tlsCertFile: optional({
    env: 'SEALWATCH_PROXY_TLS_CERT_FILE',
    ...path,
    help: 'Certificate of the proxy, PEM; may be left out on the loopback address outside of production',
  }),
  tlsKeyFile: optional({ env: 'SEALWATCH_PROXY_TLS_KEY_FILE', ...path, help: 'Private key of that certificate, PEM' }),
  clientCaFile: optional({
    env: 'SEALWATCH_PROXY_CLIENT_CA_FILE',
    ...path,
    help: 'CA of the certificates of callers, PEM; without it callers need API keys',
  }),
  callersFile: optional({
    env: 'SEALWATCH_PROXY_CALLERS_FILE',
    ...path,
    help: 'Who may have what signed. May be left out with the mock alone: then anyone may, with the API key `mock`',
  }),
  maxAuditLogSizeMb: integer({
    env: 'SEALWATCH_PROXY_MAX_AUDIT_LOG_SIZE_MB',
    default: 20_480,
    min: 64,
    max: 1_048_576,
    help: 'Most that the audit chain takes, MiB; when it is full nothing more is signed',
  }),
  healthAddress: text({
    env: 'SEALWATCH_PROXY_HEALTH_ADDRESS',
    default: '127.0.0.1',
    help: 'Address of /healthz, /readyz and /metrics for operators',
  }),
  healthPort: integer({
    env: 'SEALWATCH_PROXY_HEALTH_PORT',
    default: 0,
    min: 0,
    max: 65_535,
    help: 'Port of /healthz, /readyz and /metrics for operators; 0 takes a free one',
  }),
  healthHosts: healthHosts('SEALWATCH_PROXY_HEALTH_HOSTS'),
  uid: integer({ env: 'SEALWATCH_PROXY_UID', ...user, help: 'User the proxy runs as when started by root' }),
  gid: integer({ env: 'SEALWATCH_PROXY_GID', ...user, help: 'Group the proxy runs as when started by root' }),
} as const
