// SPDX-License-Identifier: Apache-2.0
// CAs as operators have them, made by openssl: a root, and what it certifies.

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export type MadeCa = {
  /** PEM. */
  readonly key: string
  readonly certificate: string
  /** PEM: this one, those above it, the root. */
  readonly chain: string
  /** As an operator's file has them. */
  readonly file: string
}

export type CaRequest = {
  readonly name: string
  /** Files of the one that certifies it; left out: it signs itself. */
  readonly by?: string
  readonly days?: number
  /** Of `openssl req -newkey`. */
  readonly key?: readonly string[]
  readonly extensions?: readonly string[]
}

const p256 = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
const forCas = [
  'basicConstraints=critical,CA:TRUE',
  'keyUsage=critical,keyCertSign,cRLSign',
  'subjectKeyIdentifier=hash',
]

/** Makes CAs in a folder, each by the name of its files. */
export function caMaker(dir: string) {
  const made = new Map<string, MadeCa>()
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' })

  function make(files: string, { name, by, days = 730, key = p256, extensions = forCas }: CaRequest): MadeCa {
    const subject = ['-subj', `/O=Example/CN=${name}`]
    openssl('req', '-new', '-newkey', ...key, '-nodes', ...subject, '-keyout', `${files}.key`, '-out', `${files}.csr`)
    writeFileSync(join(dir, `${files}.ext`), extensions.join('\n'))
    const signer = by === undefined ? ['-signkey', `${files}.key`] : ['-CA', `${by}.crt`, '-CAkey', `${by}.key`]
    const lasting = ['-days', String(days), '-extfile', `${files}.ext`]
    openssl('x509', '-req', '-in', `${files}.csr`, ...signer, ...lasting, '-out', `${files}.crt`)
    const read = (ending: string) => readFileSync(join(dir, `${files}.${ending}`), 'utf8')
    const certificate = read('crt')
    const chain = certificate + (by === undefined ? '' : (made.get(by) as MadeCa).chain)
    const ca = { key: read('key'), certificate, chain, file: read('key') + chain }
    made.set(files, ca)
    return ca
  }
  return make
}
