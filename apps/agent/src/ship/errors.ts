// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const shipErrors = {
  IDENTITY_UNREADABLE: {
    kind: 'fatal',
    rule: "the identity file holds a P-256 private key, the host's certificate and the CA's, all PEM",
    advice: 'Move the file away and enrol again with a new join token',
  },
  IDENTITY_NOT_TAKEN: {
    kind: 'unverified',
    rule: "an identity file that is put in the place of another, of mode 0600, holds a P-256 private key, its certificate for the same host, valid now, and the same CA's",
    advice:
      'The identity in use stays until it is renewed, which writes the file anew; before the agent starts again, put a right one there',
  },
  JOIN_TOKEN_MALFORMED: {
    kind: 'invalid',
    rule: 'a join token reads swj_<43 characters>.<32 hex digits>',
    advice: 'Copy the whole token, as the server printed it, into the token file',
  },
  SERVER_NOT_PINNED: {
    kind: 'unverified',
    rule: 'the server proves itself by the CA whose fingerprint the join token names',
    advice: 'Check the address of the server, and that the token was created there; nothing secret was sent',
  },
  CERTIFICATE_UNUSABLE: {
    kind: 'unverified',
    rule: 'the server answers with a certificate for the key and the host that asked, signed by its CA',
    advice: 'Check that server and agent are of compatible versions',
  },
  SHIP_PROTOCOL: {
    kind: 'unverified',
    rule: 'the server answers the batches of a chain one by one, in their order (agent-protocol.md, 5)',
    advice: 'Nothing is lost; the agent connects again. Check the version of the server if this repeats',
  },
  SHIP_STALLED: {
    kind: 'unavailable',
    rule: 'the server answers a batch within 30 seconds',
    advice: 'Nothing is lost; the agent connects again. Look at the load and the disk of the server',
  },
  SHIP_ENDED: {
    kind: 'unavailable',
    rule: 'the stream lives until one side says why it ends',
    advice: 'Nothing is lost; the agent connects again',
  },
} as const satisfies ErrorTable

export const shipError = errorsOf(shipErrors)
