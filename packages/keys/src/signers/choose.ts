// SPDX-License-Identifier: Apache-2.0

import type { AuditAlgorithm } from './algorithms.ts'
import { signerError } from './errors.ts'
import { refuseKnownSecret } from './known-keys.ts'
import { type Secret, secretOf } from './secret.ts'
import type { AuditSignerSettings } from './settings.ts'

export type ProxyAuth =
  | { readonly kind: 'api-key'; readonly apiKey: Secret }
  | { readonly kind: 'mtls'; readonly certFile: string; readonly keyFile: string }

export type SignerChoice = { readonly algorithm: AuditAlgorithm } & (
  | { readonly backend: 'aws-kms'; readonly key: string }
  | {
      readonly backend: 'signing-proxy'
      readonly url: string
      readonly auth: ProxyAuth
      readonly caFile: string | undefined
    }
  | {
      readonly backend: 'pkcs11'
      readonly module: string
      readonly token: { readonly label: string } | { readonly slot: number }
      readonly key: string
      readonly pinFile: string
    }
  | { readonly backend: 'file'; readonly variable: string; readonly material: Secret }
  | { readonly backend: 'mock'; readonly material: Secret }
)

export type SignerPlan = {
  /** REQUIRE_KMS=true, or a NODE_ENV that is none of `testEnvironments`. */
  readonly required: boolean
  /** Undefined, outside of production only: the deployment makes a key of its own, and its health is degraded. */
  readonly active: SignerChoice | undefined
  /** A local key that is set beside a keeper: it is probed and never used, until the keeper's setting is taken away. */
  readonly standby: SignerChoice | undefined
  /** Id of the key that may take the place of the one that is recorded. */
  readonly successor: string | undefined
  /** To be said loudly at every start. */
  readonly alarms: readonly string[]
}

const attempted = 'choosing the audit signer'
/** What NODE_ENV says where production is not at stake. `prd`, `live` and whatever else a team says for it is production. */
const testEnvironments: readonly string[] = ['', 'development', 'test', 'ci', 'local']

/**
 * Decides from the settings alone who signs (SIG-1 to SIG-3). In this order: KMS, signing proxy, HSM, then a local key,
 * then the mock. Two keepers, a key that does not fit the algorithm, and half a configuration are refused, for whoever
 * wrote them expects something else than we would do.
 */
export function chooseSigner(settings: AuditSignerSettings): SignerPlan {
  const environment = settings.environment.trim().toLowerCase()
  const required = !testEnvironments.includes(environment) || settings.requireKms === 'true'
  const algorithm = (settings.algorithm || 'hmac-sha256') as AuditAlgorithm
  const keepers = [
    ...(settings.kmsKeyId === '' ? [] : [kms(settings, algorithm)]),
    ...(settings.proxyUrl === '' ? [] : [proxy(settings, algorithm, required)]),
    ...(settings.pkcs11Module === '' ? [] : [pkcs11(settings, algorithm)]),
  ]
  refuseOrphans(settings)
  // The master key comes that way too, whoever signs.
  const endpoint = settings.kmsEndpoint || settings.awsEndpoint
  if (required && endpoint !== '' && URL.parse(endpoint)?.protocol !== 'https:')
    throw contradiction(`${settings.kmsEndpoint === '' ? 'AWS_ENDPOINT_URL' : 'AWS_ENDPOINT_URL_KMS'} without TLS`)
  if (keepers.length > 1) throw contradiction(`${keepers.map(({ backend }) => backend).join(' and ')} at once`)
  if (settings.mockKey !== '' && required)
    throw signerError('SIGNER_FORBIDDEN', { attempted, received: 'MOCK_AUDIT_SIGNING_KEY' })
  const local = localKey(settings, algorithm, required)
  const mock = settings.mockKey === '' ? undefined : mockChoice(settings, algorithm)
  const [keeper] = keepers
  const active = keeper ?? local ?? mock
  const standby = keeper === undefined ? undefined : local
  if (active === undefined) {
    if (required) {
      const received = settings.requireKms === 'true' ? 'REQUIRE_KMS=true' : `NODE_ENV=${environment.slice(0, 32)}`
      throw signerError('SIGNER_REQUIRED', { attempted, received })
    }
    if (settings.algorithm !== '' && algorithm !== 'ed25519')
      throw contradiction(`AUDIT_SIGNING_ALG=${algorithm} and no signer; the key of our own is ed25519`)
  }
  return {
    required,
    active,
    standby,
    successor: settings.newKeyId || undefined,
    alarms: alarmsOf(required, active, standby),
  }
}

const contradiction = (received: string) => signerError('SIGNER_SETTINGS', { attempted, received })

function alarmsOf(required: boolean, active: SignerChoice | undefined, standby: SignerChoice | undefined): string[] {
  if (active === undefined) return ['no signer is configured: the server signs with a key of its own, on its own disk']
  if (required && active.backend === 'file')
    return [
      `EMERGENCY: ${active.variable} signs in production, so this machine holds the key; move to a KMS, proxy or HSM`,
    ]
  if (active.backend === 'mock') return ['the mock signs: nothing that it signs is evidence']
  return standby?.backend === 'file' ? [`${standby.variable} is set and not used: ${active.backend} signs`] : []
}

function kms({ kmsKeyId }: AuditSignerSettings, algorithm: AuditAlgorithm): SignerChoice {
  return { backend: 'aws-kms', algorithm, key: kmsKeyId }
}

function proxy(settings: AuditSignerSettings, algorithm: AuditAlgorithm, required: boolean): SignerChoice {
  const { proxyUrl, proxyApiKey, proxyCertFile, proxyKeyFile, proxyCaFile } = settings
  const url = URL.parse(proxyUrl)
  const isPlain = url?.protocol === 'http:'
  if (url === null || !(isPlain || url.protocol === 'https:') || url.username !== '' || url.search + url.hash !== '')
    throw contradiction('a SIGNING_PROXY_URL that is not of the form https://host:port')
  // Where a port is not taken, any process of the machine can take it, and be told the API key.
  if (isPlain && (required || !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)))
    throw contradiction('a SIGNING_PROXY_URL without TLS, which only a test on this machine may use')
  const hasCert = proxyCertFile !== '' && proxyKeyFile !== ''
  if (hasCert !== (proxyCertFile !== '' || proxyKeyFile !== ''))
    throw contradiction('one of SIGNING_PROXY_CLIENT_CERT_FILE and SIGNING_PROXY_CLIENT_KEY_FILE without the other')
  if (hasCert === (proxyApiKey !== ''))
    throw contradiction(hasCert ? 'a client certificate and an API key' : 'a proxy without API key or certificate')
  if (isPlain && (hasCert || proxyCaFile !== '')) throw contradiction('certificates for a proxy without TLS')
  const auth: ProxyAuth = hasCert
    ? { kind: 'mtls', certFile: proxyCertFile, keyFile: proxyKeyFile }
    : { kind: 'api-key', apiKey: secretOf(proxyApiKey) }
  const base = url.href.replace(/\/+$/, '')
  return { backend: 'signing-proxy', algorithm, url: base, auth, caFile: proxyCaFile || undefined }
}

function pkcs11(settings: AuditSignerSettings, algorithm: AuditAlgorithm): SignerChoice {
  const { pkcs11Module, pkcs11Token, pkcs11Slot, pkcs11Key, pkcs11PinFile } = settings
  if ((pkcs11Token === '') === (pkcs11Slot === ''))
    throw contradiction('an HSM of which not exactly one of AUDIT_SIGNING_PKCS11_TOKEN and _SLOT is set')
  if (pkcs11Key === '' || pkcs11PinFile === '')
    throw contradiction('an HSM without AUDIT_SIGNING_PKCS11_KEY or _PIN_FILE')
  const token = pkcs11Token === '' ? { slot: Number(pkcs11Slot) } : { label: pkcs11Token }
  return { backend: 'pkcs11', algorithm, module: pkcs11Module, token, key: pkcs11Key, pinFile: pkcs11PinFile }
}

function localKey(
  { secretKey, privateKey, algorithm: given }: AuditSignerSettings,
  algorithm: AuditAlgorithm,
  required: boolean,
): SignerChoice | undefined {
  const isSecret = algorithm === 'hmac-sha256'
  if (given === '' && privateKey !== '' && secretKey === '')
    throw signerError('SIGNER_SETTINGS', {
      attempted,
      received: 'AUDIT_SIGNING_PRIVATE_KEY without AUDIT_SIGNING_ALG',
      advice: 'Set AUDIT_SIGNING_ALG=ed25519, or the algorithm that the key is of (docs/key_rotation.md)',
    })
  if ((isSecret ? privateKey : secretKey) !== '')
    throw contradiction(
      `${isSecret ? 'AUDIT_SIGNING_PRIVATE_KEY' : 'AUDIT_SIGNING_KEY'} with AUDIT_SIGNING_ALG ${algorithm}`,
    )
  const key = isSecret ? secretKey : privateKey
  if (key === '') return undefined
  if (required && isSecret && !key.startsWith('file:')) refuseKnownSecret(key, attempted)
  const variable = isSecret ? 'AUDIT_SIGNING_KEY' : 'AUDIT_SIGNING_PRIVATE_KEY'
  return { backend: 'file', algorithm, variable, material: secretOf(key) }
}

const mockChoice = ({ mockKey }: AuditSignerSettings, algorithm: AuditAlgorithm): SignerChoice => ({
  backend: 'mock',
  algorithm,
  material: secretOf(mockKey),
})

/** What belongs to a keeper that is not set. */
function refuseOrphans(settings: AuditSignerSettings): void {
  const { proxyUrl, pkcs11Module, proxyApiKey, proxyCertFile, proxyKeyFile, proxyCaFile } = settings
  const { pkcs11Token, pkcs11Slot, pkcs11Key, pkcs11PinFile } = settings
  if (proxyUrl === '' && proxyApiKey + proxyCertFile + proxyKeyFile + proxyCaFile !== '')
    throw contradiction('settings of a signing proxy without SIGNING_PROXY_URL')
  if (pkcs11Module === '' && pkcs11Token + pkcs11Slot + pkcs11Key + pkcs11PinFile !== '')
    throw contradiction('settings of an HSM without AUDIT_SIGNING_PKCS11_MODULE')
}
