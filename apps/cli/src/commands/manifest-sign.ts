// SPDX-License-Identifier: Apache-2.0

import { createPublicKey } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { decodeBase64 } from '@sealwatch/base'
import {
  type Count,
  countSigners,
  manifestCrypto as crypto,
  type DsseEnvelope,
  joinEnvelopes,
  preAuthEncoding,
  readManifest,
  readRoot,
  type TrustRoot,
} from '@sealwatch/keys'
import { type Context, command, exit, text } from '../command.ts'
import { cliError, fileError } from '../errors.ts'
import { isRoot, readEnvelope, writeEnvelope } from '../manifest/envelope-file.ts'
import { manifestText, rootText } from '../manifest/render.ts'
import { openSigner, type PublicSigner, signerAbout, signerOptions } from '../manifest/signer.ts'
import { safe, safeJson, shellWord } from '../terminal.ts'

const operands = [{ name: 'FILE', required: true }] as const
const options = {
  ...signerOptions,
  output: text({ takes: 'FILE', short: 'o', help: 'Where to write the signed copy (default: FILE itself)' }),
} as const
type Given = { readonly 'key-file': string | undefined; readonly output: string | undefined }

const about = `What is signed is shown first. The file needs no server, so a machine that is on no network can sign it; \`manifest collect\`
puts the signatures of several copies together.
${signerAbout}`

/** Of a root or of a manifest alike; `only` refuses the other. */
async function sign(only: 'root' | undefined, given: Given, path: string, { io, json }: Context): Promise<number> {
  const attempted = `signing ${path}`
  const envelope = readEnvelope(path)
  const isOfRoot = isRoot(envelope)
  if (only === 'root' && !isOfRoot)
    throw cliError('CLI_MANIFEST_FILE', { attempted, received: 'a manifest', advice: 'Use ./sealwatch manifest sign' })
  const root = isOfRoot ? readRoot(envelope, crypto, attempted) : undefined
  io.err(root === undefined ? manifestText(readManifest(envelope, attempted)) : rootText(root))
  const signer = await openSigner(io, given['key-file'])
  try {
    checkMember(root, signer, attempted)
    const signed = await withSignature(envelope, signer, io.stop)
    const output = given.output ?? path
    writeEnvelope(output, signed, given.output === undefined ? 'replace' : 'new')
    const { keyId, location } = signer
    if (json) io.out(`${safeJson({ file: output, keyid: keyId, signatures: signed.signatures.length })}\n`)
    else {
      const count = root === undefined ? undefined : countSigners(signed, root, 'root', crypto)
      const have = count === undefined ? signed.signatures.length : `${count.signers.length} of ${count.threshold}`
      const name = root?.keys[keyId]?.owner ?? keyId
      io.out(`Signed by ${safe(name)}, kept at ${safe(location)}. In this file ${have} have signed.\n`)
      io.err(`Next: ${nextOf(shellWord(output), root, count)}\n`)
    }
    return exit.ok
  } finally {
    await signer.close()
  }
}

/** Of a later root, the keys of the one before must be enough, too: which these are is not in the file. */
function nextOf(word: string, root: TrustRoot | undefined, count: Count | undefined): string {
  if (root === undefined)
    return `let the others sign, and hand all copies in at once: ./sealwatch manifest collect ${word} COPY… --send`
  if (root.version === 1 && count !== undefined && count.signers.length >= count.threshold)
    return `./sealwatch manifest root apply ${word}`
  return `let the others sign; then put the copies together: ./sealwatch manifest collect ${word} COPY… -o ALL.json, and: ./sealwatch manifest root apply ALL.json`
}

/** The next root may be signed by keys of the one before, so that a key is in neither cannot be known here. */
function checkMember(root: TrustRoot | undefined, { keyId }: PublicSigner, attempted: string): void {
  if (root?.version !== 1 || Object.hasOwn(root.keys, keyId)) return
  throw cliError('CLI_SIGNER', {
    attempted,
    received: `the key ${keyId}, which is not in this root`,
    advice: 'Sign with a key that the root names; ./sealwatch manifest key shows which one signs here',
  })
}

async function withSignature(envelope: DsseEnvelope, signer: PublicSigner, stop: AbortSignal): Promise<DsseEnvelope> {
  const { payload, payloadType } = envelope
  const message = preAuthEncoding(payloadType, decodeBase64(payload) as Uint8Array)
  const signature = { keyid: signer.keyId, sig: (await signer.sign(message, stop)).toBase64() }
  const others = envelope.signatures.filter(({ keyid }) => keyid !== signer.keyId)
  return joinEnvelopes([{ ...envelope, signatures: [...others, signature] }]) as DsseEnvelope
}

export const manifestSign = command({
  name: 'manifest sign',
  summary: 'Sign a manifest or a trust root in a file, without a server',
  about,
  operands,
  options,
  examples: [
    './sealwatch manifest sign strict-off.json --key-file ada.key',
    './sealwatch manifest sign strict-off.json --key-file bo.key -o strict-off.bo.json',
  ],
  run: (given, [path = ''], context) => sign(undefined, given, path, context),
})

export const manifestRootSign = command({
  name: 'manifest root sign',
  summary: 'Sign a trust root in a file, without a server',
  about,
  operands,
  options,
  examples: ['./sealwatch manifest root sign root-1.json --key-file ada.key'],
  run: (given, [path = ''], context) => sign('root', given, path, context),
})

export const manifestKey = command({
  name: 'manifest key',
  summary: 'The public key that signs here, for a trust root',
  about: signerAbout,
  options: {
    ...signerOptions,
    output: text({
      takes: 'FILE',
      short: 'o',
      help: 'Where to write it, in PEM; it must not exist (default: print it)',
    }),
  },
  examples: ['./sealwatch manifest key --key-file ada.key -o ada.pem', './sealwatch manifest key'],
  run: async ({ output, ...given }, _operands, { io, json }) => {
    const signer = await openSigner(io, given['key-file'])
    try {
      const { algorithm, keyId, location } = signer
      const key = createPublicKey({ key: Buffer.from(signer.publicKey), format: 'der', type: 'spki' })
      const pem = key.export({ type: 'spki', format: 'pem' }).toString()
      if (output !== undefined) write(output, pem)
      if (json) io.out(`${safeJson({ keyid: keyId, algorithm, location, pem })}\n`)
      else {
        io.out(output === undefined ? pem : '')
        io.err(`${algorithm} key ${keyId}, kept at ${safe(location)}\n`)
      }
      return exit.ok
    } finally {
      await signer.close()
    }
  },
})

function write(path: string, pem: string): void {
  try {
    writeFileSync(path, pem, { flag: 'wx' })
  } catch (cause) {
    throw fileError(path, cause)
  }
}
