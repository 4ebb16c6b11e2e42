// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const signerErrors = {
  SIGNER_REQUIRED: {
    kind: 'denied',
    rule: 'Audit signing is required but no signer is configured',
    advice:
      'Set one of AUDIT_SIGNING_KMS_KEY_ID, SIGNING_PROXY_URL, AUDIT_SIGNING_PKCS11_MODULE, or, in an emergency only, AUDIT_SIGNING_KEY or AUDIT_SIGNING_PRIVATE_KEY; docs/key_rotation.md says how',
  },
  SIGNER_SETTINGS: {
    kind: 'invalid',
    rule: 'the signer settings must name one keeper, one algorithm, and what both need',
    advice: 'docs/key_rotation.md lists the settings of each signer',
  },
  SIGNER_FORBIDDEN: {
    kind: 'denied',
    rule: 'in production neither the mock nor a key that anybody can know may sign',
    advice: 'Configure a key of your own (docs/key_rotation.md), or unset NODE_ENV and REQUIRE_KMS for a test',
  },
  SIGNER_KEY_UNREADABLE: {
    kind: 'fatal',
    rule: 'a signing key is a private key in PEM, or for hmac-sha256 a secret text, given as such or as file:/path',
    advice: 'Check the path and its permissions, and that the PEM is whole and has no passphrase',
  },
  SIGNER_KEY_UNFIT: {
    kind: 'denied',
    rule: 'the key must be of the kind that AUDIT_SIGNING_ALG names: Ed25519, RSA of 2,048 to 8,192 bits, or a secret',
    advice: 'Set AUDIT_SIGNING_ALG to the kind of the key, or configure another key',
  },
  SIGNER_MODULE: {
    kind: 'denied',
    rule: 'an HSM is reached through the PKCS#11 module of its maker and a binding that is built on this machine',
    advice: 'Build the binding with `tools/setup pkcs11`, and check the path in AUDIT_SIGNING_PKCS11_MODULE',
  },
  SIGNER_MESSAGE: {
    kind: 'invalid',
    rule: 'a signer signs messages of 1 to 4,096 bytes, which is what a KMS takes whole',
    advice: 'Sign a checkpoint or an envelope that holds the hash of what is larger',
  },
  SIGNER_UNAVAILABLE: {
    kind: 'unavailable',
    rule: 'the keeper of the signing key answers in time',
    advice: 'Check the network, the credentials and the state of the keeper; work resumes by itself',
  },
  SIGNER_REFUSED: {
    kind: 'denied',
    rule: 'the keeper of the signing key must allow this use of the key',
    advice: 'Check the policy of the key and the credentials; docs/key_rotation.md has the smallest policy that works',
  },
  SIGNER_CHANGED: {
    kind: 'conflict',
    rule: 'the signer has the key that this deployment has recorded as its own',
    advice:
      'If the key was replaced on purpose, follow docs/key_rotation.md and name the new key in AUDIT_SIGNING_NEW_KEY_ID; if not, treat it as an attack: change nothing and compare settings, policy and key',
  },
  SIGNER_PINNED: {
    kind: 'conflict',
    rule: 'the log key, which outsiders and witnesses pin, stays the same for as long as the deployment lives',
    advice:
      'Configure the recorded key again; where it is lost or in other hands, keep this data as evidence and begin a new deployment (docs/key_rotation.md, 4)',
  },
  SIGNER_REGISTRY_DAMAGED: {
    kind: 'fatal',
    rule: 'signers.json holds the keys that this deployment has signed with, the newest last',
    advice: 'Restore the file from a backup; without it a replaced key would not be noticed',
  },
  SIGNER_FALSE: {
    kind: 'unverified',
    rule: 'what a signer returns verifies over the message under the key it names',
    advice: 'Treat the signer as faulty or replaced: stop, and compare its public key with the one that was recorded',
  },
} as const satisfies ErrorTable

export const signerError = errorsOf(signerErrors)
