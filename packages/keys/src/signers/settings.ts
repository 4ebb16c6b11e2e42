// SPDX-License-Identifier: Apache-2.0

import { type ConfigOf, optional, readConfig } from '@sealwatch/base'
import { auditAlgorithms } from './algorithms.ts'

const absolute = { form: /^\//, mustBe: 'an absolute path' } as const

/** SIG-1 to SIG-3. Whichever program signs reads these; what they mean together is `chooseSigner`'s to say. */
export const auditSignerSettings = {
  environment: optional({
    env: 'NODE_ENV',
    help: 'A signer is required, and the mock is refused, unless this is development, test, ci, local or empty',
  }),
  requireKms: optional({
    env: 'REQUIRE_KMS',
    form: /^(true|false)$/,
    mustBe: 'true or false',
    help: 'true: as NODE_ENV=production, for everything that concerns signers',
  }),
  algorithm: optional({
    env: 'AUDIT_SIGNING_ALG',
    form: new RegExp(`^(${auditAlgorithms.join('|')})$`),
    mustBe: auditAlgorithms.join(' or '),
    help: 'hmac-sha256 (when nothing is set), rsa-sha256 or ed25519; the last two are evidence for third parties',
  }),
  newKeyId: optional({
    env: 'AUDIT_SIGNING_NEW_KEY_ID',
    form: /^[0-9a-f]{64}$/,
    mustBe: 'the id of a key, 64 hexadecimal digits',
    help: 'When the key is replaced: the id of the new one, as SIGNER_CHANGED shows it. Needed for one start only',
  }),
  secretsFrom: optional({
    env: 'AUDIT_SIGNING_SECRETS',
    form: /^stdin$/,
    mustBe: 'stdin, or not set',
    help: 'stdin: the secret variables come there as one JSON object, and not by the environment; `up` starts the server so',
  }),
  kmsKeyId: optional({
    env: 'AUDIT_SIGNING_KMS_KEY_ID',
    help: 'AWS KMS: id or ARN of the key. Region, credentials and endpoint come as AWS tools take them',
  }),
  kmsEndpoint: optional({
    env: 'AWS_ENDPOINT_URL_KMS',
    help: "AWS KMS: another address of it, for AWS's client; https in production",
  }),
  awsEndpoint: optional({ env: 'AWS_ENDPOINT_URL', help: 'The same for all of AWS' }),
  proxyUrl: optional({ env: 'SIGNING_PROXY_URL', help: 'Signing proxy: its base URL, https' }),
  proxyApiKey: optional({
    env: 'SIGNING_PROXY_API_KEY',
    secret: true,
    help: 'Signing proxy: the API key, or file:/path of it',
  }),
  proxyCertFile: optional({
    env: 'SIGNING_PROXY_CLIENT_CERT_FILE',
    ...absolute,
    help: 'Signing proxy, instead of an API key: client certificate, PEM',
  }),
  proxyKeyFile: optional({
    env: 'SIGNING_PROXY_CLIENT_KEY_FILE',
    ...absolute,
    help: 'Signing proxy: private key of the client certificate, PEM',
  }),
  proxyCaFile: optional({
    env: 'SIGNING_PROXY_CA_FILE',
    ...absolute,
    help: 'Signing proxy: the CA that its certificate must come from, PEM; else those of the system',
  }),
  pkcs11Module: optional({
    env: 'AUDIT_SIGNING_PKCS11_MODULE',
    ...absolute,
    help: 'HSM: path of its PKCS#11 module; needs tools/setup pkcs11',
  }),
  pkcs11Token: optional({ env: 'AUDIT_SIGNING_PKCS11_TOKEN', help: 'HSM: label of the token' }),
  pkcs11Slot: optional({
    env: 'AUDIT_SIGNING_PKCS11_SLOT',
    form: /^\d{1,10}$/,
    mustBe: 'the id of a slot',
    help: 'HSM, instead of the label: id of the slot',
  }),
  pkcs11Key: optional({ env: 'AUDIT_SIGNING_PKCS11_KEY', help: 'HSM: label of the key' }),
  pkcs11PinFile: optional({
    env: 'AUDIT_SIGNING_PKCS11_PIN_FILE',
    ...absolute,
    help: 'HSM: file that holds the PIN of the user',
  }),
  secretKey: optional({
    env: 'AUDIT_SIGNING_KEY',
    secret: true,
    help: 'Emergency and tests: the secret for hmac-sha256, or file:/path of it',
  }),
  privateKey: optional({
    env: 'AUDIT_SIGNING_PRIVATE_KEY',
    secret: true,
    help: 'Emergency and tests: the private key for rsa-sha256 or ed25519 in PEM, or file:/path of it',
  }),
  mockKey: optional({
    env: 'MOCK_AUDIT_SIGNING_KEY',
    secret: true,
    help: 'Tests only: any text; a key that everybody can derive. Refused in production',
  }),
} as const

export type AuditSignerSettings = ConfigOf<typeof auditSignerSettings>

/** Throws CONFIG_INVALID, also for a name like ours that is none of ours. */
export const readSignerSettings = (env: Readonly<Record<string, string | undefined>>): AuditSignerSettings =>
  readConfig(auditSignerSettings, env, 'AUDIT_SIGNING_', 'SIGNING_PROXY_', 'MOCK_AUDIT_')

/** Whether a variable of the environment is for whoever signs: these, and what AWS's client and SoftHSM read of their own. */
export const isSignerVariable = (name: string): boolean =>
  names.has(name) || /^(AUDIT_SIGNING_|SIGNING_PROXY_|MOCK_AUDIT_|AWS_|SOFTHSM2_CONF$)/.test(name)

const names: ReadonlySet<string> = new Set(Object.values(auditSignerSettings).map(({ env }) => env))
