// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemClock, systemDisk } from '@sealwatch/base'
import { certificateRequest, newTlsKey } from '@sealwatch/keys'
import { acceptCertificates, readIdentity, writeIdentity } from '../../apps/agent/src/ship/identity.ts'
import { type Authority, openAuthority } from '../../apps/server/src/identity/authority.ts'
import { verifyHostCertificate, verifyServiceCertificate } from '../../apps/server/src/identity/certificate.ts'
import { verifyCertificateRequest } from '../../apps/server/src/identity/certificate-request.ts'
import { temporaryDirectory } from './fixture.ts'

const hostId = '0123456789abcdef'.repeat(2)
const otherId = 'f'.repeat(32)

async function authorityIn(t: TestContext): Promise<Authority> {
  const path = join(await temporaryDirectory(t), 'ca.pem')
  return openAuthority({ path, deployment: 'test', disk: systemDisk, clock: systemClock })
}

async function issue(authority: Authority, key: KeyObject, id = hostId): Promise<Uint8Array> {
  const { certificate } = await authority.issueHost(await verifyCertificateRequest(certificateRequest(key)), id)
  return certificate
}

test('a host certificate names the host, for client use, under the CA', async (t) => {
  const authority = await authorityIn(t)
  const key = newTlsKey()
  const der = await issue(authority, key)
  const certificate = new X509Certificate(der)
  const { hostId: named, expiresAtMs, notBeforeMs } = verifyHostCertificate(certificate, authority.issuers)
  assert.equal(named, hostId)
  assert.equal(expiresAtMs - notBeforeMs, 24 * 3_600_000 + 5 * 60_000)
  assert(certificate.publicKey.equals(createPublicKey(key)))
  assert.match(certificate.serialNumber, /^[4-7][0-9A-F]{31}$/)
})

test('only certificates that the CA issued to hosts are host certificates', async (t) => {
  const [authority, other] = [await authorityIn(t), await authorityIn(t)]
  const foreign = { code: 'CERTIFICATE_FOREIGN' }
  const check = (certificate: X509Certificate | undefined) => () =>
    verifyHostCertificate(certificate, authority.issuers)
  assert.throws(check(undefined), { code: 'CERTIFICATE_MISSING' })
  assert.throws(check(new X509Certificate(await issue(other, newTlsKey()))), foreign)
  assert.throws(check(authority.certificate), foreign)
  const { cert } = await authority.issueServer(['localhost', '127.0.0.1'])
  assert.throws(check(new X509Certificate(cert)), foreign)
  const der = await issue(authority, newTlsKey())
  // In the name, where the signature alone protects it.
  const at = Buffer.from(der).lastIndexOf(hostId)
  der[at] = (der[at] as number) ^ 1
  assert.throws(check(new X509Certificate(der)), foreign)
})

test('POL-1 no certificate is of a host and of a service, whatever their names', async (t) => {
  const authority = await authorityIn(t)
  const key = await verifyCertificateRequest(certificateRequest(newTlsKey()))
  const name = { tenant: 'acme', producer: 'billing', certificateId: `crt_${'0'.repeat(20)}` }
  const of = async (service: typeof name) =>
    new X509Certificate((await authority.issueService(key, service)).certificate)
  const certificate = await of(name)
  const { tenant, producer, certificateId } = verifyServiceCertificate(certificate, authority.issuers)
  assert.deepEqual({ tenant, producer, certificateId }, name)
  const foreign = { code: 'CERTIFICATE_FOREIGN' }
  assert.throws(() => verifyHostCertificate(certificate, authority.issuers), foreign)
  const host = new X509Certificate(await issue(authority, newTlsKey()))
  assert.throws(() => verifyServiceCertificate(host, authority.issuers), foreign)
  for (const wrong of [
    { ...name, producer: 'a:b' },
    { ...name, producer: '' },
    { ...name, certificateId: 'crt_1' },
  ]) {
    const odd = await of(wrong)
    assert.throws(() => verifyServiceCertificate(odd, authority.issuers), foreign)
    assert.throws(() => verifyHostCertificate(odd, authority.issuers), foreign)
  }
})

test('an agent takes the certificate that it asked for and no other', async (t) => {
  const [authority, other] = [await authorityIn(t), await authorityIn(t)]
  const key = newTlsKey()
  const accept = (certificates: Uint8Array[], id = hostId) =>
    acceptCertificates(key, [...certificates, authority.certificate.raw], authority.fingerprint, id)
  assert.equal(accept([await issue(authority, key)]).hostId, hostId)
  const unusable = { code: 'CERTIFICATE_UNUSABLE' }
  for (const certificates of [
    [],
    [Buffer.from('garbage')],
    [await issue(authority, newTlsKey())],
    [await issue(other, key)],
  ])
    assert.throws(() => accept(certificates), unusable)
  const certificate = await issue(authority, key)
  assert.throws(() => accept([certificate], otherId), unusable)
})

test('an identity file is read as it was written, or named as damaged', async (t) => {
  const authority = await authorityIn(t)
  const path = join(await temporaryDirectory(t), 'identity.pem')
  const key = newTlsKey()
  assert.equal(await readIdentity(path), undefined)
  const identity = acceptCertificates(
    key,
    [await issue(authority, key), authority.certificate.raw],
    authority.fingerprint,
    hostId,
  )
  await writeIdentity(path, identity, systemDisk)
  assert.deepEqual(await readIdentity(path), identity)
  const whole = await readFile(path, 'utf8')
  for (const damaged of ['', identity.keyPem, whole.slice(0, -200), identity.certificatePem + identity.authorityPem]) {
    await writeFile(path, damaged)
    await assert.rejects(readIdentity(path), { code: 'IDENTITY_UNREADABLE' })
  }
})

test('a request for any key but P-256 is refused', async () => {
  const keys = [
    generateKeyPairSync('ec', { namedCurve: 'secp384r1' }),
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ]
  for (const { privateKey } of keys)
    await assert.rejects(verifyCertificateRequest(certificateRequest(privateKey)), { code: 'CSR_INVALID' })
})
