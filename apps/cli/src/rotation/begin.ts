// SPDX-License-Identifier: Apache-2.0

import type { ApiClient } from '@sealwatch/contract/api'
import { encodeKeyProbe, keyProbeType, preAuthEncoding } from '@sealwatch/keys'
import { cliError } from '../errors.ts'
import type { Io } from '../io.ts'
import { openSigner, type PublicSigner } from '../manifest/signer.ts'
import type { RotatingKey } from './next.ts'

export type Beginning = {
  readonly producer: string
  readonly keyId: string
  readonly keyFile: string | undefined
}

/**
 * A candidate, tested and staged, whatever of it was done before. The private half stays here: what the server gets is the
 * public one and a signature over the probe. `note` is told each step that was made.
 */
export async function beginRotation(
  api: ApiClient,
  { producer, keyId, keyFile }: Beginning,
  io: Io,
  note: (text: string) => void,
): Promise<RotatingKey> {
  const signer = await openSigner(io, keyFile)
  try {
    const read = async () => (await keysOf(api, producer)).find(({ key_id }) => key_id === keyId)
    let key = await read()
    if (key === undefined) {
      const { algorithm, publicKey } = signer
      const body = { key_id: keyId, algorithm, public_key: publicKey.toBase64(), state: 'candidate' } as const
      await api.call('addSigningKey', { params: { producer }, body })
      note(`${keyId} is a candidate: it counts for nothing yet`)
      key = await read()
    }
    if (key?.state === 'candidate' && key.tested_at === null) {
      await prove(api, keyId, signer, io.stop)
      note(`${keyId} is tested: it signed what the server gave it`)
    }
    if (key?.state === 'candidate') {
      await api.call('stageSigningKey', { params: { key_id: keyId } })
      note(`${keyId} is staged: it counts once it is promoted`)
    }
    return (await read()) as RotatingKey
  } finally {
    await signer.close()
  }
}

export const keysOf = async (api: ApiClient, producer: string): Promise<readonly RotatingKey[]> =>
  (await api.call('getRotation', { params: { producer } })).items

async function prove(api: ApiClient, keyId: string, signer: PublicSigner, signal: AbortSignal): Promise<void> {
  const probe = await api.call('getKeyProbe', { params: { key_id: keyId } })
  const public_key = signer.publicKey.toBase64()
  if (probe.public_key !== public_key || probe.key_id !== keyId)
    throw cliError('CLI_SIGNER', { attempted: `testing the key ${keyId}`, received: 'another key than stands there' })
  const message = preAuthEncoding(keyProbeType, encodeKeyProbe(probe))
  const signature = (await signer.sign(message, signal)).toBase64()
  await api.call('testSigningKey', { params: { key_id: keyId }, body: { signature } })
}
