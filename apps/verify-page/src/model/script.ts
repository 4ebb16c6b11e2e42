// SPDX-License-Identifier: Apache-2.0

import { preAuthEncoding } from '@sealwatch/keys/dsse'
import type { Step } from '@sealwatch/ledger/verify'
import {
  ed25519KeyId,
  formatVkey,
  type NoteVerifier,
  noteVerifier,
  parseNote,
  parseVkey,
} from '@sealwatch/ledger/verify'
import type { Delegation, DrawnCheckpoint } from './header.ts'
import type { Proof, ProvenRootLeaf } from './proof.ts'
import { sha256 } from './sha256.ts'

/**
 * A shell script that follows the drawn path with openssl alone, for whoever would rather not take our word. It takes the
 * line out of the bundle itself; what else the proof needs stands in it. `keys`: verifier keys, those of the reader where
 * there are any.
 */
export function scriptOf(proof: Proof, bundleName: string, keys: readonly string[]): string {
  const { tenant, root, rootLeaf, delegation, leaf, fileLine } = proof
  return `#!/usr/bin/env bash
# Proof of leaf ${leaf} of ${commented(tenant.origin)}, from line ${fileLine} of the bundle up to the keys. Needs bash and openssl.
set -eu
bundle=\${1:-${shellWord(bundleName)}}
hash() { openssl dgst -sha256 -r | cut -c1-64; }
bytes() { printf "$(printf %s "$1" | sed 's/../\\\\x&/g')"; }
node() { { printf '\\001'; bytes "$1"; bytes "$2"; } | hash; }
fail() { echo "WRONG: $1"; exit 1; }
same() { if [ "$1" = "$2" ]; then echo "ok: $3"; else fail "$3"; fi; }
# Ed25519: key and signature in hex, the message on standard input.
dir=$(mktemp -d) && trap 'rm -r "$dir"' EXIT
signed() {
  cat > "$dir/message"; bytes "302a300506032b6570032100$1" > "$dir/key"; bytes "$2" > "$dir/signature"
  openssl pkeyutl -verify -pubin -keyform DER -inkey "$dir/key" -rawin -in "$dir/message" -sigfile "$dir/signature" > "$dir/said" 2>&1 || fail "$3"
  echo "ok: $3"
}

# The line, up the tenant's tree.
h=$({ printf '\\000'; sed -n ${fileLine}p "$bundle" | tr -d '\\n'; } | hash)
same "$h" ${proof.leafHash} 'the line has the hash of its leaf'
${stepLines(proof.steps)}same "$h" ${tenant.root} ${shellWord(`leaf ${leaf} stands in ${tenant.origin}, size ${tenant.size}`)}

# The line of the root ledger that names this root, up the root ledger's tree.
${rootLeafLines(rootLeaf, root, `"root":"${tenant.root}"`, 'the root ledger names this root')}${delegation === undefined ? '' : delegationLines(delegation, root, keys)}${signatureLines(proof, keys)}`
}

const stepLines = (steps: readonly Step[]) =>
  steps.map(({ side, sibling }) => `h=$(node ${side === 'left' ? `${sibling} "$h"` : `"$h" ${sibling}`})\n`).join('')

function rootLeafLines(
  { index, line, steps }: ProvenRootLeaf,
  root: DrawnCheckpoint,
  names: string,
  what: string,
): string {
  return `line=${shellWord(line)}
case $line in *${shellWord(names)}*) echo ${shellWord(`ok: ${what}`)};; *) fail ${shellWord(what)};; esac
h=$({ printf '\\000'; printf %s "$line"; } | hash)
${stepLines(steps)}same "$h" ${root.root} ${shellWord(`line ${index} stands in ${root.origin}, size ${root.size}`)}
`
}

/** What a log key has signed about the node key, and the signatures on it by `keys`; all in hex but the keys. */
export function certificateOf({ envelope }: Delegation, keys: readonly string[]) {
  const signatures = verifiersOf(keys).flatMap((key) => {
    const keyid = ed25519KeyId(sha256, key.publicKey)
    const found = envelope.signatures.find((signature) => signature.keyid === keyid)
    return found === undefined ? [] : [{ key, signature: Uint8Array.fromBase64(found.sig).toHex() }]
  })
  const message = preAuthEncoding(envelope.payloadType, Uint8Array.fromBase64(envelope.payload)).toHex()
  return { message, signatures }
}

/** The line of the root ledger in which a log key certifies the node key (delegation.md). */
function delegationLines(
  delegation: Delegation & ProvenRootLeaf,
  root: DrawnCheckpoint,
  keys: readonly string[],
): string {
  const { nodeKey, validFrom, validUntil } = delegation
  const { message, signatures } = certificateOf(delegation, keys)
  const signedBy = ({ key, signature }: (typeof signatures)[number]) =>
    `bytes "$message" | signed ${key.publicKey.toHex()} ${signature} ${shellWord(`signed by ${formatVkey(key)}`)}\n`
  return `
# The log key certifies the node key, in a line of the root ledger: from ${commented(validFrom)} until ${commented(validUntil)}.
message=${message}
case $message in *${new TextEncoder().encode(`"key":"${nodeKey}"`).toHex()}*) ;; *) fail 'the delegation is of another key';; esac
${signatures.map(signedBy).join('')}${rootLeafLines(delegation, root, delegation.envelope.payload, 'the root ledger holds the delegation')}`
}

/** The signatures on both checkpoints: by the node key, or in the first version by the pinned keys themselves. */
function signatureLines({ tenant, root, delegation }: Proof, keys: readonly string[]): string {
  const verifiersFor = (origin: string) =>
    delegation === undefined
      ? verifiersOf(keys)
      : [noteVerifier(sha256, origin, Uint8Array.fromHex(delegation.nodeKey))]
  return [root, tenant]
    .flatMap(({ note, origin, size, root: hash }) => {
      const { signatures } = parseNote(note, 'writing a script')
      return verifiersFor(origin).flatMap((key) => {
        const found = signatures.find(({ name, id }) => name === key.name && id.toHex() === key.id.toHex())
        if (found === undefined) return []
        const what = `the checkpoint of ${origin}, size ${size}, is signed by ${formatVkey(key)}`
        return [
          `
# The signature on the checkpoint, whose text is origin, size and root.
printf '%s\\n' ${shellWord(origin)} ${size} "$(bytes ${hash} | openssl base64 -A)" | signed ${key.publicKey.toHex()} ${found.signature.toHex()} ${shellWord(what)}
`,
        ]
      })
    })
    .join('')
}

export const verifiersOf = (keys: readonly string[]): NoteVerifier[] => keys.map((vkey) => parseVkey(sha256, vkey))

/** One word for a shell, whatever stands in it. */
export const shellWord = (text: string): string =>
  /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`

/** Within a comment, where a line break would end it. */
export const commented = (text: string) => text.replaceAll(/[^\x20-\x7e]/g, '?')
