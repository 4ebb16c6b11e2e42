// SPDX-License-Identifier: Apache-2.0
// PKI-1, PKI-2, PKI-3: a deployment under an operator's CA, made by openssl: what is refused, who is let in, and another CA in its place
// while hosts ship.

import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createSecureServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemClock, systemDisk } from '@sealwatch/base'
import { certificateRequest, certificatesIn, chainOfPem, newTlsKey } from '@sealwatch/keys'
import { connectAgent } from '../../apps/agent/src/ship/client.ts'
import { acceptCertificates, type Identity, readIdentity } from '../../apps/agent/src/ship/identity.ts'
import { type IdentityKeeper, openIdentity } from '../../apps/agent/src/ship/index.ts'
import { verifyHostCertificate } from '../../apps/server/src/identity/certificate.ts'
import { verifyCertificateRequest } from '../../apps/server/src/identity/certificate-request.ts'
import { issuingBy } from '../../apps/server/src/identity/issuing.ts'
import { operatorCaIn } from '../../apps/server/src/identity/operator-ca.ts'
import { atEnd } from './at-end.ts'
import {
  chainOf,
  enrolled,
  giveToken,
  operator,
  prepareAgent,
  type Server,
  sealSome,
  startServer,
  startShipping,
  temporaryDirectory,
} from './fixture.ts'
import { caMaker, type MadeCa } from './openssl-ca.ts'

const dayMs = 24 * 3_600_000

/** A root, the issuing CA under it, and the file of the operator. */
async function ownCa(t: TestContext) {
  const dir = await temporaryDirectory(t)
  const make = caMaker(dir)
  const root = make('root', { name: 'Root', days: 3650 })
  const first = make('first', { name: 'Sealwatch CA', by: 'root' })
  const caFile = join(dir, 'ca.pem')
  const put = (content: string, mode = 0o400) => {
    writeFileSync(`${caFile}.new`, content, { mode })
    renameSync(`${caFile}.new`, caFile)
  }
  put(first.file)
  return { dir, make, root, first, caFile, put }
}

const until = async (is: () => boolean) => {
  while (!is()) await new Promise(setImmediate)
}

/** What a CA of openssl's certifies, whether we would take it or not. */
const issuing = ({ key, chain }: MadeCa) =>
  issuingBy({ key: createPrivateKey(key), chain: chainOfPem(chain) }, { clock: systemClock })

async function renewedBy(server: Server, current: Identity): Promise<Identity> {
  const key = newTlsKey()
  const connection = connectAgent(server.url, current.authorityPem, current)
  try {
    const { certificates } = await connection.client.renew({ csr: certificateRequest(key) })
    return acceptCertificates(key, certificates, current.authority, current.hostId)
  } finally {
    connection.close()
  }
}

function keeping(t: TestContext, identity: IdentityKeeper): void {
  const over = new AbortController()
  const done = identity.run(over.signal)
  atEnd(t, async () => {
    over.abort()
    await done
  })
}

test('PKI-3 under an operator’s CA hosts enrol, renew and ship, and follow another one of the same root and name', async (t) => {
  const { make, first, caFile, put } = await ownCa(t)
  const server = await startServer(t, { caFile })
  const { authority } = server.identity
  assert.equal(authority.certificate.toString(), first.certificate)
  const agent = await prepareAgent(t, server)
  const identity = await enrolled(server, agent)
  const before = identity.current
  assert.equal(before.authorityPem, first.chain)
  assert.deepEqual(await readIdentity(agent.options.identityFile), before)
  keeping(t, identity)
  const chain = await chainOf(t, agent)
  const shipping = startShipping(t, agent, identity, [chain])
  await server.ingest.until(chain.id, await sealSome(chain, 1))
  // Made before, used after.
  const { token } = await server.identity.createJoinToken(operator, 'default', 3600)

  const second = make('second', { name: 'Sealwatch CA', by: 'root' })
  put(second.file)
  await until(() => authority.certificate.toString() === second.certificate)
  assert.deepEqual(authority.issuers.map(String), [second.certificate, first.certificate])
  const taken = () => server.said.filter(({ body }) => JSON.stringify(body).includes('"ca_taken"'))
  await until(() => taken().length === 2)

  // The stream goes on under the certificate of the CA before, and so does a new one.
  await server.ingest.until(chain.id, await sealSome(chain, 1))
  await shipping.stop()
  const again = startShipping(t, agent, identity, [chain])
  await server.ingest.until(chain.id, await sealSome(chain, 1))
  assert.equal(identity.current, before)
  await again.stop()

  const later = await prepareAgent(t, server)
  writeFileSync(later.tokenFile, token)
  assert.equal((await openIdentity(later.options))?.current.authorityPem, second.chain)
  const renewed = await renewedBy(server, before)
  assert.equal(renewed.authority, before.authority)
  assert.equal(renewed.authorityPem, second.chain)
  assert.equal(renewed.hostId, before.hostId)

  // A server that starts again shows a certificate of the new one: hosts that know the one before alone come back.
  await server.stop()
  const next = await startServer(t, { caFile, dir: server.dir, port: server.port })
  assert.equal(next.identity.authority.fingerprint, authority.fingerprint)
  startShipping(t, agent, identity, [chain])
  await next.ingest.until(chain.id, await sealSome(chain, 1))
  assert.deepEqual([...next.ingest.certificates], [before.serial])
})

test('PKI-1 no CA but those that the deployment had makes a host or a server, not one of the same root, nor one called the same elsewhere', async (t) => {
  const { make, caFile } = await ownCa(t)
  const server = await startServer(t, { caFile })
  const identity = await enrolled(server, await prepareAgent(t, server))
  const { current } = identity
  const sibling = make('sibling', { name: 'Web CA', by: 'root' })
  const namesake = make('namesake', { name: 'Sealwatch CA', by: 'sibling' })
  // Made by the root itself, but nothing that this server was ever given.
  const unknown = make('unknown', { name: 'Sealwatch CA', by: 'root' })
  const otherRoot = make('other-root', { name: 'Root', days: 3650 })
  const other = make('other', { name: 'Sealwatch CA', by: 'other-root' })
  assert.notEqual(otherRoot.certificate, '')

  const key = newTlsKey()
  const request = await verifyCertificateRequest(certificateRequest(key))
  for (const ca of [sibling, namesake, unknown, other]) {
    const { chain } = await issuing(ca).issueHost(request, current.hostId)
    const pem = chain.map((der) => new X509Certificate(der).toString()).join('')
    const foreign = { ...current, keyPem: key.export({ type: 'pkcs8', format: 'pem' }) as string, certificatePem: pem }
    await assert.rejects(renewedBy(server, foreign), /CERTIFICATE_FOREIGN|issued by the CA of this deployment/)
  }
  for (const ca of [sibling, namesake, other]) {
    const { cert, key: doorKey } = await issuing(ca).issueServer(['127.0.0.1', 'localhost'])
    const impostor = createSecureServer({ cert, key: doorKey })
    await new Promise<void>((resolve) => impostor.listen(0, '127.0.0.1', resolve))
    atEnd(t, () => impostor.close())
    const connection = connectAgent(
      `https://127.0.0.1:${(impostor.address() as AddressInfo).port}`,
      current.authorityPem,
    )
    atEnd(t, connection.close)
    await assert.rejects(connection.client.enrol({}), /certified by another authority|self-signed certificate in/)
    const { chain } = await issuing(ca).issueHost(request, current.hostId)
    assert.throws(() => acceptCertificates(key, chain, current.authority, current.hostId), {
      code: 'CERTIFICATE_UNUSABLE',
    })
  }
  // Of the right CA, and of another host: it is that one's certificate.
  const { chain } = await server.identity.authority.issueHost(request, 'f'.repeat(32))
  assert.throws(() => acceptCertificates(key, chain, current.authority, current.hostId), {
    code: 'CERTIFICATE_UNUSABLE',
  })
  const stranger = {
    ...current,
    keyPem: key.export({ type: 'pkcs8', format: 'pem' }) as string,
    certificatePem: new X509Certificate(chain[0] as Uint8Array).toString(),
  }
  await assert.rejects(renewedBy(server, stranger), /HOST_UNKNOWN|must be enrolled/)
})

test('PKI-3 the key of a CA whose time is over certifies nobody any more', async (t) => {
  const { make } = await ownCa(t)
  const brief = make('brief', { name: 'Sealwatch CA', by: 'root', days: 1 })
  const key = createPrivateKey(brief.key)
  const request = await verifyCertificateRequest(certificateRequest(newTlsKey()))
  const { certificate } = await issuing(brief).issueHost(request, 'a'.repeat(32))
  const issuer = new X509Certificate(brief.certificate)
  const longer = new X509Certificate(make('longer', { name: 'Sealwatch CA', by: 'root', days: 2 }).certificate)
  assert.ok(new X509Certificate(certificate).validToDate <= issuer.validToDate)
  assert.equal(verifyHostCertificate(new X509Certificate(certificate), [longer, issuer]).hostId, 'a'.repeat(32))
  const over = { ...systemClock, nowMs: () => systemClock.nowMs() + 2 * dayMs }
  const late = issuingBy({ key, chain: chainOfPem(brief.chain) }, { clock: over })
  await assert.rejects(late.issueHost(request, 'a'.repeat(32)), { code: 'CA_ENDED' })
})

test('PKI-3 what is no CA for this is refused before it certifies anything, and said with what was found', async (t) => {
  const { make, root, first, caFile, put } = await ownCa(t)
  const under = (name: string, request: object) => make(name, { name: 'Sealwatch CA', by: 'root', ...request }).file
  const ca = ['keyUsage=critical,keyCertSign', 'subjectKeyIdentifier=hash']
  const isCa = 'basicConstraints=critical,CA:TRUE'
  make('closed-root', { name: 'Closed', days: 3650, extensions: [`${isCa},pathlen:0`, ...ca] })
  make('closed-mid', { name: 'Mid', by: 'closed-root' })
  make('mid', { name: 'Mid', by: 'root' })
  const encrypted = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' } as const
  const locked = createPrivateKey(first.key).export(encrypted)
  const wrong: readonly (readonly [content: string, found: RegExp])[] = [
    ['', /0 certificates/],
    [first.key + first.certificate, /1 certificates/],
    [first.chain, /no private key that can be read/],
    [first.key + root.certificate + first.certificate, /CN=Root is not signed by O=Example, CN=Sealwatch CA/],
    [
      first.key + first.certificate + make('elsewhere', { name: 'Root', days: 9 }).certificate,
      /is not signed by O=Example, CN=Root/,
    ],
    [first.key + first.certificate + make('again', { name: 'Mid', by: 'root' }).certificate, /is not signed by/],
    [make('last', { name: 'Sealwatch CA', by: 'mid' }).file.replace(root.certificate, ''), /the last, is no root/],
    [root.key + first.chain, /a private key that is not that of O=Example, CN=Sealwatch CA/],
    [under('leaf', { extensions: ['basicConstraints=critical,CA:FALSE', ...ca] }), /is no CA/],
    [under('mute', { extensions: [isCa, 'keyUsage=critical,cRLSign'] }), /may not sign certificates/],
    [under('brief', { days: 300 }), /lives for 300 days/],
    [under('long', { days: 800 }), /lives for 800 days/],
    [under('odd', { key: ['ec', '-pkeyopt', 'ec_paramgen_curve:secp521r1'] }), /a key of ec secp521r1/],
    [under('weak', { key: ['rsa:1024'] }), /a key of rsa 1024/],
    [
      under('named', { extensions: [isCa, ...ca, 'nameConstraints=critical,permitted;DNS:example.com'] }),
      /permitted subtree/i,
    ],
    [under('web', { extensions: [isCa, ...ca, 'extendedKeyUsage=serverAuth'] }), /purpose/i],
    [make('deep', { name: 'Sealwatch CA', by: 'closed-mid' }).file, /path length/i],
    [locked + first.chain, /an encrypted private key/],
    ['x'.repeat(70_000), /70000 bytes/],
  ]
  for (const [content, found] of wrong) {
    put(content)
    const refused = startServer(t, { caFile })
    await assert.rejects(
      refused,
      (error: Error & { code?: string }) => {
        assert.equal(error.code, 'CA_UNFIT', String(error))
        assert.match(error.message, found)
        return true
      },
      String(found),
    )
  }
  put(first.file, 0o440)
  await assert.rejects(startServer(t, { caFile }), /a file of mode 440.*chown/s)
  rmSync(caFile)
  await assert.rejects(startServer(t, { caFile }), /ENOENT/)
  const found = (ms: number) => () => operatorCaIn(first.file, caFile, systemClock.nowMs() + ms)
  assert.throws(found(731 * dayMs), /is valid from/)
  assert.throws(found(-dayMs), /is valid from/)
})

test('PKI-3 what lies in the file later and is unfit is told, and the CA in use stays; a deployment keeps its authority', async (t) => {
  const { make, first, caFile, put } = await ownCa(t)
  const server = await startServer(t, { caFile })
  const { authority } = server.identity
  const told = (code: string) => server.log.until(({ level, error }) => level === 'critical' && error?.code === code)
  put(make('renamed', { name: 'Another name', by: 'root' }).file)
  await told('CA_ANOTHER')
  assert.equal(authority.problem?.code, 'CA_ANOTHER')
  put('half')
  await told('CA_UNFIT')
  chmodSync(caFile, 0o644)
  await server.log.until(({ error }) => JSON.stringify(error ?? {}).includes('mode 644'))
  assert.equal(authority.certificate.toString(), first.certificate)
  put(first.file)
  await until(() => authority.problem === undefined)
  await server.stop()

  await assert.rejects(startServer(t, { dir: server.dir }), { code: 'CA_MISSING' })
  const builtIn = await startServer(t)
  await builtIn.stop()
  await assert.rejects(startServer(t, { dir: builtIn.dir, caFile }), { code: 'CA_ANOTHER' })
  writeFileSync(join(server.dir, 'ca-issuers.json'), '{"v":1}')
  await assert.rejects(startServer(t, { dir: server.dir, caFile }), { code: 'CA_RECORD' })
})

test('PKI-3 a server that ends before or after another CA is written down knows every certificate that it gave out', async (t) => {
  const { make, first, caFile, put } = await ownCa(t)
  const server = await startServer(t, { caFile })
  const { current } = await enrolled(server, await prepareAgent(t, server))
  await server.stop()
  const second = make('second', { name: 'Sealwatch CA', by: 'root' })
  put(second.file)
  const written = () => readFileSync(join(server.dir, 'ca-issuers.json'), 'utf8')
  const before = written()
  for (const isWritten of [false, true]) {
    const cut: typeof systemDisk = {
      ...systemDisk,
      replace: async (path, data, mode) => {
        if (path.endsWith('ca-issuers.json') && isWritten) await systemDisk.replace(path, data, mode)
        throw new Error('cut off')
      },
    }
    await assert.rejects(startServer(t, { dir: server.dir, caFile, disk: cut }), /cut off/)
    assert.equal(written() === before, !isWritten)
    // As it was found, and by the one before, should the operator put that back.
    for (const file of [second.file, first.file, second.file]) {
      put(file)
      const next = await startServer(t, { dir: server.dir, caFile })
      assert.deepEqual(
        new Set(next.identity.authority.issuers.map(String)),
        new Set([second.certificate, first.certificate]),
      )
      assert.equal((await renewedBy(next, current)).hostId, current.hostId)
      await next.stop()
    }
    writeFileSync(join(server.dir, 'ca-issuers.json'), before)
  }
})

test('PKI-3 keys on P-384, Ed25519 and RSA certify, too, and CAs two levels below the root', async (t) => {
  const { make, caFile, put } = await ownCa(t)
  make('policy', { name: 'Policy CA', by: 'root', days: 3000, key: ['rsa:2048'] })
  const kinds = [['ec', '-pkeyopt', 'ec_paramgen_curve:P-384'], ['ed25519'], ['rsa:2048']]
  for (const [i, key] of kinds.entries()) {
    put(make(`kind-${i}`, { name: 'Sealwatch CA', by: 'policy', key }).file)
    const server = await startServer(t, { caFile })
    const agent = await prepareAgent(t, server)
    await giveToken(server, agent)
    const identity = (await openIdentity(agent.options)) as IdentityKeeper
    assert.equal(certificatesIn(identity.current.authorityPem).length, 3)
    assert.equal((await renewedBy(server, identity.current)).hostId, identity.current.hostId)
    await server.stop()
  }
})
