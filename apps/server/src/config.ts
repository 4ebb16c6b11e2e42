// SPDX-License-Identifier: Apache-2.0

import { dirname, isAbsolute, join } from 'node:path'
import { integer, optional, readProxies, text } from '@sealwatch/base'
import { healthHosts } from '@sealwatch/base/health'
import { readServerNames } from './server-names.ts'

export const serverConfigPrefix = 'SEALWATCH_SERVER_'

const ruleFoldersMax = 16

export const serverSettings = {
  dataDir: text({ env: 'SEALWATCH_SERVER_DATA_DIR', help: 'Where ledgers, keys, quarantine and the index lie' }),
  runDir: text({
    env: 'SEALWATCH_SERVER_RUN_DIR',
    help: 'Where the control socket (api.sock) is made; only root may enter it',
  }),
  guardSocket: optional({
    env: 'SEALWATCH_SERVER_GUARD_SOCKET',
    form: /^\//,
    mustBe: 'an absolute path',
    help: 'Where the guard of this machine listens (docs/formats/protect.md); empty: guard/protect.sock beside RUN_DIR',
  }),
  host: text({ env: 'SEALWATCH_SERVER_HOST', default: '127.0.0.1', help: 'Address to listen on for agents' }),
  names: {
    ...optional({
      env: 'SEALWATCH_SERVER_NAMES',
      help: 'Further host names and addresses, with commas between, by which agents, services and browsers reach this server: its certificate is for them, too',
    }),
    parse: (value: string) =>
      readServerNames(value) === undefined
        ? { mustBe: 'at most 32 host names and IP addresses with commas between' }
        : { value },
  },
  caFile: optional({
    env: 'SEALWATCH_SERVER_CA_FILE',
    form: /^\//,
    mustBe: 'an absolute path',
    help: 'The CA of this deployment, PEM: private key, issuing CA, those above it, the root; looked at each second (docs/own-ca.md). Empty: the server founds one',
  }),
  hostCertificateSeconds: integer({
    env: 'SEALWATCH_SERVER_HOST_CERTIFICATE_SECONDS',
    default: 86_400,
    min: 10,
    max: 63_072_000,
    help: 'How long the certificate of a host lives, up to two years; it is renewed at two thirds of that',
  }),
  port: integer({
    env: 'SEALWATCH_SERVER_PORT',
    default: 7443,
    min: 0,
    max: 65_535,
    help: 'Port to listen on for agents; 0 takes a free one',
  }),
  uid: integer({
    env: 'SEALWATCH_SERVER_UID',
    default: 64_701,
    min: 1,
    max: 4_294_967_294,
    help: 'User the server runs as when started by root',
  }),
  gid: integer({
    env: 'SEALWATCH_SERVER_GID',
    default: 64_701,
    min: 1,
    max: 4_294_967_294,
    help: 'Group the server runs as when started by root',
  }),
  countersignMs: integer({
    env: 'SEALWATCH_SERVER_COUNTERSIGN_MS',
    default: 1000,
    min: 100,
    max: 3_600_000,
    help: 'How often the signer is asked for its word on the root ledger while that grows, in milliseconds',
  }),
  countersignIdleSeconds: integer({
    env: 'SEALWATCH_SERVER_COUNTERSIGN_IDLE_SECONDS',
    default: 60,
    min: 1,
    max: 86_400,
    help: 'How often the signer is asked while nothing grows, so that silence can be told from a halt',
  }),
  tenantLinesPerSecond: integer({
    env: 'SEALWATCH_SERVER_TENANT_LINES_PER_SECOND',
    default: 100_000,
    min: 100,
    max: 10_000_000,
    help: 'What the hosts of a tenant may ship each second together, unless it has a limit of its own (`sealwatch tenant limit`); for default and cluster there is none',
  }),
  quarantineItems: integer({
    env: 'SEALWATCH_SERVER_QUARANTINE_ITEMS',
    default: 2_000_000,
    min: 100,
    max: 1_000_000_000,
    help: 'Items that may wait in quarantine of each tenant: batches of hosts, submissions of services. What comes beyond is sent back, and stays with its producer',
  }),
  quarantineMegabytes: integer({
    env: 'SEALWATCH_SERVER_QUARANTINE_MEGABYTES',
    default: 50_000,
    min: 10,
    max: 1_000_000_000,
    help: 'Megabytes that these may take',
  }),
  witnessPolicy: text({
    env: 'SEALWATCH_SERVER_WITNESS_POLICY',
    default: '',
    help: 'File that names the witnesses of the root ledger and their quorum (docs/formats/witness.md, 4); empty: none',
  }),
  belowQuorum: text({
    env: 'SEALWATCH_SERVER_BELOW_QUORUM',
    default: 'degraded',
    form: /^(degraded|hold)$/,
    mustBe: 'degraded or hold',
    help: 'A root checkpoint that too few witnesses cosigned is published all the same and marked (degraded), or not at all (hold)',
  }),
  rulesDir: {
    ...optional({
      env: 'SEALWATCH_SERVER_RULES_DIR',
      help: 'Folders, with commas between, of your own detection rules, beside those of the program; what changes there counts within seconds (docs/rules.md). With `up`, `rules` in the data directory is always one',
    }),
    parse: (value: string) =>
      readRuleFolders(value) === undefined
        ? { mustBe: `at most ${ruleFoldersMax} absolute paths with commas between` }
        : { value },
  },
  reputationFile: optional({
    env: 'SEALWATCH_SERVER_REPUTATION_FILE',
    form: /^\//,
    mustBe: 'an absolute path',
    help: 'Feeds of addresses that are mistrusted, as JSON (docs/detection.md); empty: none is asked for',
  }),
  requestRulesDir: optional({
    env: 'SEALWATCH_SERVER_REQUEST_RULES_DIR',
    form: /^\//,
    mustBe: 'an absolute path',
    help: 'Folder of rules by which requests of services are judged besides the few basic ones, in SecLang: a core rule set as it is unpacked (docs/detection.md); read at the start. Empty: the basic ones alone, as while it cannot be read, with a warning',
  }),
  healthAddress: text({
    env: 'SEALWATCH_SERVER_HEALTH_ADDRESS',
    default: '127.0.0.1',
    help: 'Address of /healthz, /readyz and /metrics; whoever reaches it may read them',
  }),
  healthPort: integer({
    env: 'SEALWATCH_SERVER_HEALTH_PORT',
    default: 0,
    min: 0,
    max: 65_535,
    help: 'Port of /healthz, /readyz and /metrics; 0 takes a free one, which `sealwatch status` shows',
  }),
  healthHosts: healthHosts('SEALWATCH_SERVER_HEALTH_HOSTS'),
  apiAddress: text({
    env: 'SEALWATCH_SERVER_API_ADDRESS',
    default: '127.0.0.1',
    help: 'Address of the API and the dashboard: plain HTTP on a loopback address, TLS 1.3 on any other',
  }),
  apiPort: integer({
    env: 'SEALWATCH_SERVER_API_PORT',
    default: 0,
    min: 0,
    max: 65_535,
    help: 'Port of the API and the dashboard; 0 takes a free one, which `sealwatch status` shows',
  }),
  apiPerAddress: integer({
    env: 'SEALWATCH_SERVER_API_PER_ADDRESS',
    default: 500,
    min: 1,
    max: 1_000_000,
    help: 'Requests a second that are taken from one address',
  }),
  apiPerTenant: integer({
    env: 'SEALWATCH_SERVER_API_PER_TENANT',
    default: 1000,
    min: 1,
    max: 1_000_000,
    help: 'Requests a second that are taken for one tenant',
  }),
  apiAtOncePerTenant: integer({
    env: 'SEALWATCH_SERVER_API_AT_ONCE_PER_TENANT',
    default: 64,
    min: 1,
    max: 10_000,
    help: 'Requests of one tenant that may be under way at once',
  }),
  connectionsPerAddress: integer({
    env: 'SEALWATCH_SERVER_CONNECTIONS_PER_ADDRESS',
    default: 1024,
    min: 1,
    max: 4096,
    help: 'Connections to the agents’ port that one address (in IPv6 its /64) may have, of 4,096; where more hosts and services than that come from behind one address (NAT), raise it',
  }),
  connectionsPerSender: integer({
    env: 'SEALWATCH_SERVER_CONNECTIONS_PER_SENDER',
    default: 16,
    min: 2,
    max: 4096,
    help: 'Connections to the agents’ port that one host, or one service, may have, by certificate or token; the oldest is closed for one more',
  }),
  apiConnectionsPerAddress: integer({
    env: 'SEALWATCH_SERVER_API_CONNECTIONS_PER_ADDRESS',
    default: 1024,
    min: 1,
    max: 8192,
    help: 'Connections to the API that one address may have, of 8,192; this machine and trusted proxies may have all',
  }),
  publicOrigin: optional({
    env: 'SEALWATCH_SERVER_PUBLIC_ORIGIN',
    form: /^https?:\/\/[^/?#@\s]+$/,
    mustBe: 'an origin, as in https://sealwatch.example.com',
    help: 'Where browsers reach the dashboard: what log-in links and the provider lead back to. Empty: where the server listens',
  }),
  trustedProxies: {
    ...optional({
      env: 'SEALWATCH_SERVER_TRUSTED_PROXIES',
      help: 'Addresses and CIDR blocks, with commas between, of reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed (docs/access.md, Behind a proxy). Empty: nobody is',
    }),
    parse: (value: string) =>
      readProxies(value) === undefined
        ? { mustBe: 'at most 64 addresses or CIDR blocks with commas between, none larger than /8, in IPv6 than /16' }
        : { value },
  },
  oidcIssuer: optional({
    env: 'SEALWATCH_SERVER_OIDC_ISSUER',
    help: 'OpenID Connect provider that people sign in through: its issuer, https (docs/sign-in.md). Empty: none, or the one of `up`',
  }),
  oidcClientId: optional({
    env: 'SEALWATCH_SERVER_OIDC_CLIENT_ID',
    help: 'As which client the server is registered there, with the redirect URI PUBLIC_ORIGIN/auth/callback',
  }),
  oidcClientSecret: optional({
    env: 'SEALWATCH_SERVER_OIDC_CLIENT_SECRET',
    secret: true,
    help: 'Secret of that client, or file:/path of it; empty: a public client, by PKCE alone',
  }),
  oidcScopes: text({
    env: 'SEALWATCH_SERVER_OIDC_SCOPES',
    default: 'openid profile email',
    form: /^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+){0,15}$/,
    mustBe: 'scopes with spaces between',
    help: 'What the provider is asked for; some give groups for the scope `groups` only',
  }),
  oidcGroupsClaim: text({
    env: 'SEALWATCH_SERVER_OIDC_GROUPS_CLAIM',
    default: 'groups',
    form: /^[\x21-\x7e]{1,128}$/,
    mustBe: 'the name of a claim',
    help: 'Claim that lists the groups of a person, which roles can be granted to',
  }),
  oidcEndpointOrigins: optional({
    env: 'SEALWATCH_SERVER_OIDC_ENDPOINT_ORIGINS',
    help: 'Further origins, with commas between, at which the provider has endpoints; nothing else is ever called',
  }),
  oidcCaFile: optional({
    env: 'SEALWATCH_SERVER_OIDC_CA_FILE',
    form: /^\//,
    mustBe: 'an absolute path',
    help: 'The CA that the certificate of the provider must come from, PEM; empty: those that Node.js trusts',
  }),
  webhookOrigins: optional({
    env: 'SEALWATCH_SERVER_WEBHOOK_ORIGINS',
    help: 'Origins (https://HOST[:PORT]), with commas between, to which notification channels may lead though they lie in a private network or on this machine; public ones need no name',
  }),
  webhookCaFile: optional({
    env: 'SEALWATCH_SERVER_WEBHOOK_CA_FILE',
    form: /^\//,
    mustBe: 'an absolute path',
    help: 'The CA that the certificates of webhooks must come from, PEM; empty: those that Node.js trusts',
  }),
  smtpUrl: optional({
    env: 'SEALWATCH_SERVER_SMTP_URL',
    help: 'The mail server that notifications go by: smtps://HOST[:465], smtp://HOST[:587] (STARTTLS, never without), or smtp-plain://HOST[:25] to this machine alone. Empty: no mail',
  }),
  smtpUser: optional({ env: 'SEALWATCH_SERVER_SMTP_USER', help: 'As whom to log in there; empty: no log-in' }),
  smtpPassword: optional({
    env: 'SEALWATCH_SERVER_SMTP_PASSWORD',
    secret: true,
    help: 'The password of that user, or file:/path of it, closed to others',
  }),
  smtpFrom: optional({ env: 'SEALWATCH_SERVER_SMTP_FROM', help: 'The plain address that mail is from' }),
  smtpCaFile: optional({
    env: 'SEALWATCH_SERVER_SMTP_CA_FILE',
    form: /^\//,
    mustBe: 'an absolute path',
    help: 'The CA that the certificate of the mail server must come from, PEM; empty: those that Node.js trusts',
  }),
  sessionIdleMinutes: integer({
    env: 'SEALWATCH_SERVER_SESSION_IDLE_MINUTES',
    default: 30,
    min: 1,
    max: 1440,
    help: 'A session that is not used for so long ends',
  }),
  sessionHours: integer({
    env: 'SEALWATCH_SERVER_SESSION_HOURS',
    default: 12,
    min: 1,
    max: 168,
    help: 'A session ends after so long, however much it is used',
  }),
  feedPerTenant: integer({
    env: 'SEALWATCH_SERVER_FEED_PER_TENANT',
    default: 2_500,
    min: 1,
    max: 8_000,
    help: 'Live feeds that may be open for one tenant',
  }),
  feedPerPrincipal: integer({
    env: 'SEALWATCH_SERVER_FEED_PER_PRINCIPAL',
    default: 64,
    min: 1,
    max: 8_000,
    help: 'Live feeds that one person, or one API token, may have open',
  }),
  trustStore: text({
    env: 'SEALWATCH_SERVER_TRUST_STORE',
    default: '',
    help: 'File that names services and their signing keys (docs/formats/trust-store.md), read anew when it changes; empty: none',
  }),
  strictSignatures: text({
    env: 'STRICT_SIGNATURES',
    default: 'true',
    form: /^(true|false)$/,
    mustBe: 'true or false',
    help: 'false: for 24 hours rows that fail verification are admitted all the same, marked and counted, in every tenant that was not switched by itself (docs/strict-signatures.md)',
  }),
  strictSignaturesAcknowledgement: optional({
    env: 'STRICT_SIGNATURES_ACKNOWLEDGEMENT',
    help: 'With STRICT_SIGNATURES=false: the phrase by which somebody takes that upon themselves, and a date; another one begins another 24 hours (docs/strict-signatures.md)',
  }),
  replicaCount: integer({
    env: 'REPLICA_COUNT',
    default: 1,
    min: 1,
    max: 1_000,
    help: 'Servers that share this deployment; more than one needs REDIS_URL, and is not yet built',
  }),
  redisUrl: optional({
    env: 'REDIS_URL',
    help: 'Where several servers share their live feeds; not yet built, so it must be empty',
    secret: true,
    form: /^rediss?:\/\//,
    mustBe: 'a URL that begins with redis:// or rediss://',
  }),
  masterKmsKeyId: text({
    env: 'SEALWATCH_SERVER_MASTER_KMS_KEY_ID',
    default: '',
    help: 'AWS KMS key (id, ARN or alias) that wraps the keys of tenants; empty: a file in keys/. A change begins a new epoch. Region, credentials and endpoint come as AWS tools take them',
  }),
  keyCacheSeconds: integer({
    env: 'SEALWATCH_SERVER_KEY_CACHE_SECONDS',
    default: 300,
    min: 1,
    max: 3600,
    help: 'How long an unwrapped key may stay in memory before it is fetched again',
  }),
  keyCacheKeys: integer({
    env: 'SEALWATCH_SERVER_KEY_CACHE_KEYS',
    default: 4096,
    min: 16,
    max: 65_536,
    help: 'How many unwrapped keys of tenants, and of persons, may be in memory',
  }),
} as const

export const guardSocketOf = ({
  guardSocket,
  runDir,
}: {
  readonly guardSocket: string
  readonly runDir: string
}): string => (guardSocket === '' ? join(dirname(runDir), 'guard', 'protect.sock') : guardSocket)

/** Undefined where it is no list of folders. */
function readRuleFolders(text: string): readonly string[] | undefined {
  const folders = text.split(',').flatMap((path) => (path.trim() === '' ? [] : [path.trim()]))
  return folders.length <= ruleFoldersMax && folders.every(isAbsolute) ? folders : undefined
}

export const ruleFoldersOf = ({ rulesDir }: { readonly rulesDir: string }): readonly string[] =>
  readRuleFolders(rulesDir) ?? []
