// SPDX-License-Identifier: Apache-2.0

import type { AuditSigner } from '@sealwatch/keys'
import { openSealing, type Sealing } from '@sealwatch/keys/sealing'
import { guardSocketOf } from '../config.ts'
import {
  addCustodyHealth,
  askGuard,
  createKeyTender,
  createSideCustody,
  type GuardedServer,
  type KeyOrders,
  type KeyTender,
  openKeyOrders,
  type SideCustody,
} from '../custody/index.ts'
import { openDeploymentSigner } from '../signer.ts'
import type { Base } from './base.ts'

/** What signs, and what keeps values secret at rest. */
export type Keys = Base & {
  readonly auditSigner: AuditSigner
  readonly sealing: Sealing
  readonly side: SideCustody
  readonly tender: KeyTender
  readonly keyOrders: KeyOrders
  readonly guarded: GuardedServer
}

export async function openKeys(base: Base, ends: AsyncDisposableStack): Promise<Keys> {
  const { config, keysDir, kms, signers, health, clock, disk, log } = base
  const auditSigner = ends.adopt(await openDeploymentSigner({ ...base, prepared: signers }), ({ close }) => close())
  const cache = { ttlMs: config.keyCacheSeconds * 1000, keysMax: config.keyCacheKeys }
  const where = { dir: keysDir, kmsKeyId: config.masterKmsKeyId, kms }
  const sealing = ends.adopt(await openSealing({ ...where, cache, clock, disk }), ({ close }) => close())
  const keyOrders = await openKeyOrders({ ...base, sealing })
  addCustodyHealth(health, sealing, keyOrders)
  const side = createSideCustody(sealing, log)
  const tender = createKeyTender({ ...base, sealing })
  const guarded = ends.adopt(askGuard({ ...base, socket: guardSocketOf(config), keyOrders }), ({ stop }) => stop())
  return { ...base, auditSigner, sealing, side, tender, keyOrders, guarded }
}
