// SPDX-License-Identifier: Apache-2.0
// A hardware security module in software, with a token of the test's own.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import process from 'node:process'

export const softhsmModule = '/usr/lib/softhsm/libsofthsm2.so'
export const pin = '738291'

type Binding = typeof import('pkcs11js')
const require = createRequire(import.meta.url)

/** Why there is no HSM to test with; undefined when there is one. */
export function noSofthsm(): string | undefined {
  if (!existsSync(softhsmModule)) return 'SoftHSM is not installed (tools/setup test)'
  try {
    require('pkcs11js')
    return undefined
  } catch {
    return 'the PKCS#11 binding is not built (tools/setup test)'
  }
}

/** A token `label` with keys that it made itself: `rsa`, `ed25519`, `hmac`, and two that are both called `twice`. */
export function makeToken(dir: string, label: string): { readonly pinFile: string } {
  mkdirSync(join(dir, 'tokens'))
  writeFileSync(join(dir, 'softhsm2.conf'), `directories.tokendir = ${join(dir, 'tokens')}\nlog.level = ERROR\n`)
  // The module reads it from the process it is loaded into.
  process.env.SOFTHSM2_CONF = join(dir, 'softhsm2.conf')
  const init = ['--init-token', '--free', '--label', label, '--so-pin', '918273', '--pin', pin]
  execFileSync('softhsm2-util', init, { stdio: ['ignore', 'ignore', 'inherit'] })
  const pinFile = join(dir, 'pin')
  writeFileSync(pinFile, `${pin}\n`, { mode: 0o600 })
  makeKeys()
  return { pinFile }
}

function makeKeys(): void {
  const binding = require('pkcs11js') as Binding
  const hsm = new binding.PKCS11()
  hsm.load(softhsmModule)
  hsm.C_Initialize()
  const slot = hsm.C_GetSlotList(true)[0] as Buffer
  const session = hsm.C_OpenSession(slot, binding.CKF_SERIAL_SESSION | binding.CKF_RW_SESSION)
  hsm.C_Login(session, binding.CKU_USER, pin)
  const named = (label: string) => [
    { type: binding.CKA_TOKEN, value: true },
    { type: binding.CKA_LABEL, value: label },
  ]
  const kept = [
    { type: binding.CKA_PRIVATE, value: true },
    { type: binding.CKA_SENSITIVE, value: true },
    { type: binding.CKA_EXTRACTABLE, value: false },
    { type: binding.CKA_SIGN, value: true },
  ]
  const pair = (label: string, mechanism: number, more: { type: number; value: Buffer | number }[]) =>
    hsm.C_GenerateKeyPair(session, { mechanism }, [...named(label), ...more], [...named(label), ...kept])
  const bits = { type: binding.CKA_MODULUS_BITS, value: 2048 }
  const exponent = { type: binding.CKA_PUBLIC_EXPONENT, value: Buffer.from([1, 0, 1]) }
  const CKM_EC_EDWARDS_KEY_PAIR_GEN = 0x1055
  const curve = { type: binding.CKA_EC_PARAMS, value: Buffer.from('06032b6570', 'hex') }
  pair('rsa', binding.CKM_RSA_PKCS_KEY_PAIR_GEN, [bits, exponent])
  for (const label of ['ed25519', 'twice', 'twice']) pair(label, CKM_EC_EDWARDS_KEY_PAIR_GEN, [curve])
  const size = { type: binding.CKA_VALUE_LEN, value: 32 }
  const verify = { type: binding.CKA_VERIFY, value: true }
  const secret = [...named('hmac'), ...kept, verify, size]
  hsm.C_GenerateKey(session, { mechanism: binding.CKM_GENERIC_SECRET_KEY_GEN }, secret)
  hsm.C_Logout(session)
  hsm.C_CloseSession(session)
  hsm.C_Finalize()
  hsm.close()
}

/** What happens to a program's sessions when its token goes away for a moment. */
export function endAllSessions(): void {
  const hsm = new (require('pkcs11js') as Binding).PKCS11()
  hsm.load(softhsmModule)
  hsm.C_CloseAllSessions(hsm.C_GetSlotList(true)[0] as Buffer)
}
