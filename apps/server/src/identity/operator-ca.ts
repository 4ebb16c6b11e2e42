// SPDX-License-Identifier: Apache-2.0
// What an operator gives as the CA of the deployment (docs/own-ca.md): one file of key and certificates, judged before anything
// is certified by it. What a handshake judges by itself, path lengths, purposes, constraints on names and weak signatures, it judges
// here, too (prove-ca.ts).

// @peculiar/x509 needs this polyfill before it.
import 'reflect-metadata'
import { createPrivateKey, createPublicKey, type KeyObject, type X509Certificate } from 'node:crypto'
import { open } from 'node:fs/promises'
import process from 'node:process'
import * as x509 from '@peculiar/x509'
import { type AuthorityChain, authorityChainMax, certificatesIn, isSignedBy } from '@sealwatch/keys'
import { caAlgorithmOf, caAlgorithmsAllowed, keyName } from './ca-algorithm.ts'
import { identityError } from './errors.ts'
import type { IssuingCa } from './issuing.ts'

const dayMs = 24 * 3_600_000
/** Of the certificate of the issuing CA: PKI-3. Two years with a leap day, and a day for what begins in the past. */
const lifeMs = { min: 365 * dayMs, max: 732 * dayMs } as const
const bytesMax = 64 * 1024

const unfit = (attempted: string, received: string, advice?: string, cause?: unknown) =>
  identityError('CA_UNFIT', { attempted, received, cause, ...(advice !== undefined && { advice }) })

/** The content of the file, which its owner alone may read: the server's user, or root. Throws CA_UNFIT. */
export async function readOperatorCa(path: string): Promise<string> {
  const attempted = `reading the CA in ${path}`
  const own = process.getuid?.() ?? 0
  const closed = `Let it belong to the user of the server, who may enter the folders above, and close it: chown ${own} ${path} && chmod 400 ${path}`
  try {
    await using file = await open(path)
    const { mode, uid, size } = await file.stat()
    if (uid !== own && uid !== 0) throw unfit(attempted, `a file of the user ${uid}`, closed)
    if ((mode & 0o077) !== 0) throw unfit(attempted, `a file of mode ${(mode & 0o777).toString(8)}`, closed)
    if (size > bytesMax) throw unfit(attempted, `${size} bytes`)
    return await file.readFile('utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === undefined || code === 'CA_UNFIT') throw cause
    throw unfit(attempted, code, code === 'EACCES' ? closed : undefined, cause)
  }
}

/** Key and chain in what was read, as far as can be told without a handshake. Throws CA_UNFIT. */
export function operatorCaIn(pem: string, path: string, nowMs: number): IssuingCa {
  const attempted = `taking the CA in ${path}`
  const chain = chainIn(pem, attempted)
  checkChain(chain, attempted)
  checkLife(chain, attempted, nowMs)
  return { key: keyIn(pem, chain[0], attempted), chain }
}

function chainIn(pem: string, attempted: string): AuthorityChain {
  let chain: readonly X509Certificate[]
  try {
    chain = certificatesIn(pem)
  } catch (cause) {
    throw unfit(attempted, 'a certificate that cannot be read', undefined, cause)
  }
  const [issuer, ...above] = chain
  if (issuer !== undefined && above.length > 0 && chain.length <= authorityChainMax) return [issuer, ...above]
  const advice = `Put from 2 to ${authorityChainMax} there: the issuing CA, those above it, the root`
  throw unfit(attempted, `${chain.length} certificates`, advice)
}

const nameOf = ({ subject }: X509Certificate) => subject.replaceAll('\n', ', ')

function checkChain(chain: AuthorityChain, attempted: string): void {
  for (const [i, certificate] of chain.entries()) {
    const name = nameOf(certificate)
    const usage = new x509.X509Certificate(Uint8Array.from(certificate.raw)).getExtension(x509.KeyUsagesExtension)
    if (usage === null || (usage.usages & x509.KeyUsageFlags.keyCertSign) === 0)
      throw unfit(attempted, `${name} may not sign certificates (keyUsage)`)
    if (!certificate.ca) throw unfit(attempted, `${name} is no CA (basicConstraints)`)
    const above = chain[i + 1]
    if (above === undefined && !isSignedBy(certificate, certificate))
      throw unfit(
        attempted,
        `${name}, the last, is no root: it did not sign itself`,
        'Append the certificate of the root',
      )
    if (above !== undefined && !isSignedBy(certificate, above))
      throw unfit(
        attempted,
        `${name} is not signed by ${nameOf(above)}, which follows it`,
        'Order them from the issuing CA to the root, each signed by the next',
      )
  }
}

function checkLife(chain: AuthorityChain, attempted: string, nowMs: number): void {
  for (const certificate of chain) {
    const [from, to] = [certificate.validFromDate, certificate.validToDate]
    if (nowMs < from.getTime() || nowMs >= to.getTime())
      throw unfit(attempted, `${nameOf(certificate)} is valid from ${from.toISOString()} until ${to.toISOString()}`)
  }
  const [issuer] = chain
  const ms = issuer.validToDate.getTime() - issuer.validFromDate.getTime()
  if (ms < lifeMs.min || ms > lifeMs.max)
    throw unfit(
      attempted,
      `${nameOf(issuer)} lives for ${Math.floor(ms / dayMs)} days`,
      'Have the issuing CA certified for one to two years; the root may live longer',
    )
}

function keyIn(pem: string, issuer: X509Certificate, attempted: string): KeyObject {
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch (cause) {
    const isEncrypted = pem.includes('ENCRYPTED')
    const advice = 'Put the private key there as it is (openssl pkey -in ca.key); the file is closed to others'
    throw unfit(attempted, isEncrypted ? 'an encrypted private key' : 'no private key that can be read', advice, cause)
  }
  if (caAlgorithmOf(key) === undefined)
    throw unfit(attempted, `a key of ${keyName(key)}`, `Have a CA with ${caAlgorithmsAllowed}`)
  if (!createPublicKey(key).equals(issuer.publicKey))
    throw unfit(
      attempted,
      `a private key that is not that of ${nameOf(issuer)}`,
      'Put key and certificate there in one step: mv',
    )
  return key
}
