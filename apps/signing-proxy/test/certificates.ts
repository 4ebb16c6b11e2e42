// SPDX-License-Identifier: Apache-2.0

import { execFileSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'

const openssl = (args: readonly string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
const p256 = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']

/** `NAME.pem` and `NAME.key` of a CA that signs itself. */
export function makeCa(dir: string, name: string): void {
  const files = ['-keyout', join(dir, `${name}.key`), '-out', join(dir, `${name}.pem`)]
  openssl(['req', '-x509', ...p256, ...files, '-subj', `/CN=${name}`])
}

/** `NAME.pem` and `NAME.key` for one alternative name: `DNS:a.test`, `IP:127.0.0.1`. */
export function makeCertificate(dir: string, name: string, ca: string, altName: string): void {
  const of = (file: string) => join(dir, file)
  const files = ['-keyout', of(`${name}.key`), '-out', of(`${name}.pem`)]
  const signing = ['-CA', of(`${ca}.pem`), '-CAkey', of(`${ca}.key`)]
  openssl([
    'req',
    '-x509',
    ...p256,
    ...files,
    ...signing,
    '-subj',
    `/CN=${name}`,
    '-addext',
    `subjectAltName=${altName}`,
  ])
  chmodSync(of(`${name}.key`), 0o600)
}
