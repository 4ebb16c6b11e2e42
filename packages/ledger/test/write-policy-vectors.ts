// SPDX-License-Identifier: Apache-2.0
//
// Writes vectors/policies/signed.json: versions of a policy as an agent gets them, good and bad. Run once for a version of
// the format: `node packages/ledger/test/write-policy-vectors.ts`. policy-vectors.test.ts holds the code to what was written.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { canonicalize, type Json } from '@sealwatch/base'
import { validatePolicy } from '@sealwatch/contract/policy'
import { type Ed25519Signer, signerOfKept } from '@sealwatch/keys'
import { sha256 } from '../src/sha256.ts'
import { signPolicy } from '../src/sign-policy.ts'
import { ed25519KeyId } from '../src/verify/delegation.ts'
import type { PolicyStatement } from '../src/verify/security-policy.ts'

const out = join(import.meta.dirname, '../../../vectors/policies')
const documentOf = (name: string) =>
  canonicalize(validatePolicy(readFileSync(join(out, 'good', name), 'utf8')).policy as object)
const digestOf = (text: string) => sha256(Buffer.from(text)).toHex()

/** RFC 8410: an Ed25519 private key whose 32 bytes are all the same. Never a key for anything else. */
const keyOf = (byte: number) =>
  signerOfKept(
    Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, byte)]),
  ) as Ed25519Signer
const logKey = keyOf(1)
const otherKey = keyOf(2)
const dsse = ({ publicKey, sign }: Ed25519Signer) => ({
  keyid: ed25519KeyId(sha256, publicKey),
  sign: async (message: Uint8Array) => sign(message),
})

const signed = async (statement: object, keys = [logKey]) =>
  (await signPolicy(statement as PolicyStatement, keys.map(dsse), new AbortController().signal)) as unknown as Json
const payloadDigest = (envelope: Json) =>
  digestOf(Buffer.from((envelope as { payload: string }).payload, 'base64').toString())

const [one, two] = [documentOf('file.json'), documentOf('network.json')]
const first: PolicyStatement = {
  digest: digestOf(one),
  origin: 'sealwatch-00000000/root',
  policy: 'sensitive-files',
  prev: null,
  tenant: 'acme',
  time: '2026-11-21T08:00:00.000000000Z',
  v: 1,
  version: 1,
}
const firstSigned = await signed(first)
const second = {
  ...first,
  digest: digestOf(two),
  prev: payloadDigest(firstSigned),
  time: '2026-11-22T08:00:00.000000000Z',
  version: 2,
}
const secondSigned = await signed(second)
const third = {
  ...second,
  digest: null,
  prev: payloadDigest(secondSigned),
  time: '2026-11-23T08:00:00.000000000Z',
  version: 3,
}

type Row = { name: string; known?: string; document: string | null; envelope: Json; code?: string }
const malformed = async (name: string, change: object): Promise<Row> => ({
  name,
  document: one,
  envelope: await signed({ ...first, ...change }),
  code: 'SECURITY_POLICY_MALFORMED',
})
const rows: Row[] = [
  { name: 'first version', document: one, envelope: firstSigned },
  { name: 'second version', known: 'first version', document: two, envelope: secondSigned },
  { name: 'deleted', known: 'second version', document: null, envelope: await signed(third) },
  { name: 'deleted, versions between not seen', known: 'first version', document: null, envelope: await signed(third) },
  { name: 'signed by two', document: one, envelope: await signed(first, [otherKey, logKey]) },
  { name: 'the same again', known: 'first version', document: one, envelope: firstSigned, code: 'POLICY_STALE' },
  { name: 'an older version', known: 'second version', document: one, envelope: firstSigned, code: 'POLICY_STALE' },
  {
    name: 'another second version',
    known: 'first version',
    document: two,
    envelope: await signed({ ...second, prev: '0'.repeat(64) }),
    code: 'POLICY_STALE',
  },
  {
    name: 'another policy',
    known: 'first version',
    document: two,
    envelope: await signed({ ...second, policy: 'other' }),
    code: 'POLICY_STALE',
  },
  { name: 'another key', document: one, envelope: await signed(first, [otherKey]), code: 'POLICY_UNVERIFIED' },
  {
    name: 'another tenant',
    document: one,
    envelope: await signed({ ...first, tenant: 'zeta' }),
    code: 'POLICY_UNVERIFIED',
  },
  {
    name: 'another deployment',
    document: one,
    envelope: await signed({ ...first, origin: 'sealwatch-11111111/root' }),
    code: 'POLICY_UNVERIFIED',
  },
  { name: 'another document', document: two, envelope: firstSigned, code: 'POLICY_UNVERIFIED' },
  { name: 'a document for a deletion', document: two, envelope: await signed(third), code: 'POLICY_UNVERIFIED' },
  { name: 'no document', document: null, envelope: firstSigned, code: 'POLICY_UNVERIFIED' },
  {
    name: 'another statement under the signature',
    document: one,
    envelope: { ...(firstSigned as object), payload: (secondSigned as { payload: string }).payload },
    code: 'POLICY_UNVERIFIED',
  },
  await malformed('version 0', { version: 0 }),
  await malformed('a first version with one before it', { prev: '0'.repeat(64) }),
  await malformed('a member more', { more: 1 }),
  await malformed('another form', { v: 2 }),
  await malformed('a day that is not', { time: '2026-02-30T08:00:00.000000000Z' }),
  await malformed('a digest of another length', { digest: 'ab' }),
]
const trust = { origin: first.origin, tenant: first.tenant, log_key: logKey.publicKey.toHex() }
writeFileSync(
  join(out, 'signed.json'),
  `{"trust":${JSON.stringify(trust)},"rows":[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]}\n`,
)
