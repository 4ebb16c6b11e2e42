// SPDX-License-Identifier: Apache-2.0

import { generateSigner, verifyEd25519 } from '@sealwatch/keys'
import { readEveryStat } from './proc-stat.ts'

const timesEach = 20

/** What the first command would wait for: the library that checks signatures is opened, and code that is used often is compiled. */
export function warmUp(): void {
  const signer = generateSigner()
  const message = Buffer.from('sealwatch.dev/warm-up/v1\n')
  const signature = signer.sign(message)
  for (let i = 0; i < timesEach; i += 1) verifyEd25519(signer.publicKey, message, signature)
  for (let i = 0; i < timesEach; i += 1) readEveryStat()
}
