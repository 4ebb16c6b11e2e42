// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'
import type { SignerChoice, SignerPlan } from './choose.ts'
import { signerError } from './errors.ts'
import { localSigner } from './file.ts'
import { refuseKnownKey } from './known-keys.ts'
import { localKeyObject } from './material.ts'
import { mockKey } from './mock.ts'
import { type AuditBackend, type AuditSigner, auditProbeText } from './signer.ts'

/** Makes the signer; asks its keeper for the public key. Throws what is wrong with key, keeper or settings. */
export type PreparedSigner = (signal: AbortSignal) => Promise<AuditSigner>

/**
 * Reads the files and loads the code that a choice needs, which may be root's alone, so that `PreparedSigner` can run
 * without any privilege.
 */
export async function prepareSigner(
  choice: SignerChoice,
  { required, clock }: Pick<SignerPlan, 'required'> & { readonly clock: Clock },
): Promise<PreparedSigner> {
  const open = await prepare(choice, required, clock)
  return async (signal) => {
    const signer = await open(signal)
    if (!required) return signer
    try {
      refuseKnownKey(signer.keyId, `opening ${signer.location}`)
      return signer
    } catch (cause) {
      await signer.close()
      throw cause
    }
  }
}

export type PreparedSigners = Pick<SignerPlan, 'alarms' | 'successor'> & {
  /** Who keeps the active one; undefined when none is configured. */
  readonly backend: AuditBackend | undefined
  readonly active: PreparedSigner | undefined
  readonly standby: PreparedSigner | undefined
}

/** The same for a whole plan. */
export async function prepareSigners(plan: SignerPlan, clock: Clock): Promise<PreparedSigners> {
  const prepared = (choice: SignerChoice | undefined) => choice && prepareSigner(choice, { ...plan, clock })
  const { alarms, successor } = plan
  const backend = plan.active?.backend
  return { alarms, successor, backend, active: await prepared(plan.active), standby: await prepared(plan.standby) }
}

/** Signs and verifies: DescribeKey alone says nothing about the right to sign. */
export async function proveSigner(signer: AuditSigner, signal: AbortSignal): Promise<void> {
  const message = Buffer.from(auditProbeText)
  const signature = await signer.sign(message, signal)
  if (!(await signer.verify(message, signature, signal)))
    throw signerError('SIGNER_FALSE', { attempted: `testing ${signer.location}` })
}

/** What a keeper needs is loaded only for it. */
async function prepare(choice: SignerChoice, required: boolean, clock: Clock): Promise<PreparedSigner> {
  switch (choice.backend) {
    case 'aws-kms':
      return (await (await import('./kms.ts')).prepareKms({ ...choice, clock })).open
    case 'signing-proxy':
      return (await import('./proxy.ts')).prepareProxy({ ...choice, required, clock })
    case 'pkcs11':
      return (await import('./pkcs11.ts')).preparePkcs11({ ...choice, required, clock })
    case 'file': {
      const { algorithm, variable, material } = choice
      const key = await localKeyObject(algorithm, material, variable, required)
      const given = material.reveal()
      const location = given.startsWith('file:') ? given : `environment:${variable}`
      return async () => localSigner({ backend: 'file', algorithm, key, location })
    }
    case 'mock':
      return async () => mockKey(choice.algorithm, choice.material.reveal())
  }
}
