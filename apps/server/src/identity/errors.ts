// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const identityErrors = {
  SIGNING_KEY_IN_USE: {
    kind: 'conflict',
    rule: 'a signing key is that of one producer',
    advice: 'A service of the tenant has registered the key of this host: generate a new one for the host',
  },
  CA_UNREADABLE: {
    kind: 'fatal',
    rule: 'the CA file holds one P-256 private key (PKCS#8) and its certificate, both PEM',
    advice: 'Restore the file from a backup; without it every host has to enrol again',
  },
  CA_UNFIT: {
    kind: 'invalid',
    rule: 'an operator’s CA is one file that others cannot read: private key, issuing CA of one to two years, those above it, the root (docs/own-ca.md)',
    advice: 'Correct the file; until then the CA in use stays, and a server that starts does not serve',
  },
  CA_ANOTHER: {
    kind: 'conflict',
    rule: 'hosts pin the root and the names of the CAs below it: another CA in the place of one is of the same root and has the same name',
    advice:
      'Have the same root certify the same name; a deployment under another one begins with an empty data directory, and its hosts join it',
  },
  CA_MISSING: {
    kind: 'fatal',
    rule: 'a deployment that has an operator’s CA is started with it',
    advice: 'Set SEALWATCH_SERVER_CA_FILE to its file',
  },
  CA_RECORD: {
    kind: 'fatal',
    rule: 'ca-issuers.json lists the CAs that this deployment has certified under',
    advice: 'Restore it from a backup (docs/runbooks/ca.md)',
  },
  CA_ENDED: {
    kind: 'unavailable',
    rule: 'no certificate outlives the CA it is of',
    advice: 'Give the next CA (docs/own-ca.md)',
  },
  CERTIFICATE_NOT_RENEWED: {
    kind: 'unavailable',
    rule: 'a certificate of the server is renewed when a third of its life is left, by the key in the CA file',
    advice: 'It is tried again by itself; before the present one ends, see the cause and restart the server',
  },
  CSR_INVALID: {
    kind: 'invalid',
    rule: 'a certificate request is PKCS#10 in DER, at most 4 KiB, for a P-256 key and signed by that key',
    advice: 'Make the request with an ECDSA P-256 key and SHA-256',
  },
  TOKEN_UNKNOWN: {
    kind: 'denied',
    rule: 'enrolment needs a join token that this deployment issued',
    advice: 'Create one on the server (`sealwatch host invite`) and put it into the token file of the host',
  },
  TOKEN_EXPIRED: {
    kind: 'denied',
    rule: 'a join token is good until it expires',
    advice: 'Create a new one on the server (`sealwatch host invite`) and put it into the token file of the host',
  },
  TOKEN_USED: {
    kind: 'denied',
    rule: 'a join token enrols one host, the first whose signing key asks with it',
    advice: 'Create a new one; if no host of yours used this one, revoke the host that did (see the log for its id)',
  },
  TOKEN_GUESSES: {
    kind: 'exhausted',
    rule: 'an address that came with twenty join tokens that let nobody in waits for five seconds before each further one',
    advice: 'Find out who tries there; a host with a good token gets in from the same address meanwhile',
  },
  TOKENS_TOO_MANY: {
    kind: 'exhausted',
    rule: 'at most 1,000 join tokens of a tenant are open at a time',
    advice: 'Use the open tokens or wait until they expire',
  },
  TOKEN_TTL_INVALID: {
    kind: 'invalid',
    rule: 'a join token lives from 1 second to 7 days',
    advice: 'Ask for a lifetime within these limits',
  },
  SIGNING_KEY_UNPROVEN: {
    kind: 'unverified',
    rule: 'the signing key signs "sealwatch.dev/enrol/v1\\n" and the SHA-256 of the request (agent-protocol.md, 2.3)',
    advice: 'Sign with the private half of the key that is sent',
  },
  HOST_FACTS_INVALID: {
    kind: 'invalid',
    rule: 'hostname, machine_id, boot_id, kernel and os are printable texts of 1 to 253 characters',
    advice: 'Send every fact; update the agent if it leaves one out',
  },
  HOST_UNKNOWN: {
    kind: 'denied',
    rule: 'the host of a certificate must be enrolled in this deployment',
    advice: 'Enrol the host again with a new join token',
  },
  HOST_REVOKED: {
    kind: 'denied',
    rule: 'a revoked host is not let in, nor may its signing key enrol again',
    advice:
      'If it is sound again, remove its identity and signing key (agent/identity.pem and agent/host.key in its data directory) and enrol it anew with a new join token: sealwatch host invite',
  },
  HOST_SINCE: {
    kind: 'invalid',
    rule: 'from when on somebody else may have had the keys of a host is a time that has come (RFC 3339)',
    advice: 'Give the first moment at which that may have been: 2026-11-20T00:00:00Z; without it, now',
  },
  HOST_OF_ANOTHER_TENANT: {
    kind: 'denied',
    rule: 'a host belongs to the tenant of its first join token, for good',
    advice:
      'Enrol it anew: remove its identity and signing key (agent/identity.pem and agent/host.key in its data directory), and use a join token of the tenant it is to belong to',
  },
  CERTIFICATE_MISSING: {
    kind: 'unverified',
    rule: 'every method but Enrol needs a client certificate',
    advice: 'Enrol first, then present the certificate that enrolment returned',
  },
  CERTIFICATE_FOREIGN: {
    kind: 'unverified',
    rule: 'a client certificate is issued by the CA of this deployment, for client use, to one host or one service, and brings what is theirs alone',
    advice:
      'Check that the agent enrolled with this very server; if not, enrol it here. A service: `sealwatch producer certify`',
  },
  CERTIFICATE_EXPIRED: {
    kind: 'unverified',
    rule: 'a client certificate is used within its validity; Renew takes it before, and for 30 days more',
    advice: 'Renew it, compare the clocks of host and server, or enrol again with a new join token',
  },
} as const satisfies ErrorTable

export const identityError = errorsOf(identityErrors)
