// SPDX-License-Identifier: Apache-2.0

import { integer, text } from '@sealwatch/base'
import { healthHosts } from '@sealwatch/base/health'

export const witnessConfigPrefix = 'SEALWATCH_WITNESS_'

export const witnessSettings = {
  dataDir: text({ env: 'SEALWATCH_WITNESS_DATA_DIR', help: 'Where `sealwatch witness init` made the witness' }),
  address: text({ env: 'SEALWATCH_WITNESS_ADDRESS', default: '127.0.0.1', help: 'Address to listen on for logs' }),
  port: integer({
    env: 'SEALWATCH_WITNESS_PORT',
    default: 7480,
    min: 0,
    max: 65_535,
    help: 'Port to listen on for logs; 0 takes a free one',
  }),
  tlsCertificate: text({
    env: 'SEALWATCH_WITNESS_TLS_CERTIFICATE',
    default: '',
    help: 'File of the certificate chain (PEM) for https; empty: http, since what is signed needs no secrecy',
  }),
  tlsKey: text({
    env: 'SEALWATCH_WITNESS_TLS_KEY',
    default: '',
    help: 'File of the private key (PEM) to that certificate',
  }),
  requestsPerSecond: integer({
    env: 'SEALWATCH_WITNESS_REQUESTS_PER_SECOND',
    default: 20,
    min: 1,
    max: 100_000,
    help: 'Requests of one address (IPv6: of one /64); twice as many at once. Behind a proxy all come from one address',
  }),
  connections: integer({
    env: 'SEALWATCH_WITNESS_CONNECTIONS',
    default: 256,
    min: 1,
    max: 65_535,
    help: 'Open connections at most; further ones are closed',
  }),
  connectionsPerAddress: integer({
    env: 'SEALWATCH_WITNESS_CONNECTIONS_PER_ADDRESS',
    default: 32,
    min: 1,
    max: 65_535,
    help: 'Open connections of one address (IPv6: of one /64) at most',
  }),
  healthAddress: text({
    env: 'SEALWATCH_WITNESS_HEALTH_ADDRESS',
    default: '127.0.0.1',
    help: 'Address of /healthz, /readyz and /metrics; whoever reaches it may read them',
  }),
  healthPort: integer({
    env: 'SEALWATCH_WITNESS_HEALTH_PORT',
    default: 0,
    min: 0,
    max: 65_535,
    help: 'Port of /healthz, /readyz and /metrics; 0 takes a free one, which the log names',
  }),
  healthHosts: healthHosts('SEALWATCH_WITNESS_HEALTH_HOSTS'),
} as const
