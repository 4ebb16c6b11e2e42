// SPDX-License-Identifier: Apache-2.0

import { createHmac } from 'node:crypto'
import { join } from 'node:path'
import { type Clock, type Disk, type ErrorTable, errorsOf } from '@sealwatch/base'
import type { Ed25519Signer } from '@sealwatch/keys'
import { createNoteSigner, type Ledger, openLedger, type SealedTenant } from '@sealwatch/ledger'

export const ledgersErrors = {
  TENANT_UNKNOWN: {
    kind: 'not_found',
    rule: 'the tenant exists',
    advice: '`sealwatch status` lists the tenants of this server',
  },
} as const satisfies ErrorTable
const ledgersError = errorsOf(ledgersErrors)

/** Every tenant's ledger, and the root ledger that holds their heads under pseudonymous labels. */
export type Ledgers = {
  readonly tenants: readonly string[]
  /** Throws TENANT_UNKNOWN. */
  get(tenant: string): Ledger
  readonly root: Ledger
  /** Verifier keys of everything that `seal` signs for a tenant. */
  vkeys(tenant: string): readonly string[]
  /** Signs every ledger that has grown, and then the root over their heads. */
  seal(): Promise<void>
  /** The newest sealed state of a tenant that covers its first `size` leaves; seals where needed. */
  sealed(tenant: string, size?: number): Promise<SealedTenant>
  close(): Promise<void>
}

export type LedgersOptions = {
  readonly dir: string
  /** Name of this deployment: the stem of every origin. */
  readonly deployment: string
  readonly tenants: readonly string[]
  readonly signer: Ed25519Signer
  /** Draws the tenants' labels; whoever lacks it cannot tell whose head is whose. */
  readonly labelKey: Uint8Array
  readonly clock: Clock
  readonly disk: Disk
}

export async function openLedgers(options: LedgersOptions): Promise<Ledgers> {
  const { dir, deployment, tenants, signer, labelKey, clock, disk } = options
  await disk.makeDirectory(dir)
  const labelOf = (tenant: string) => createHmac('sha256', labelKey).update(tenant).digest('hex').slice(0, 32)
  const originOf = (tenant: string) => `${deployment}/tenant/${labelOf(tenant)}`
  const open = (folder: string, tenant: string, origin: string) =>
    openLedger({ dir: join(dir, folder), tenant, origin, signer: createNoteSigner(origin, signer), clock, disk })
  const rootOrigin = `${deployment}/root`
  const root = await open('root', 'root', rootOrigin)
  const ledgers = new Map<string, Ledger>()
  for (const tenant of tenants) ledgers.set(tenant, await open(`tenant-${tenant}`, tenant, originOf(tenant)))
  const sealedByTenant = new Map<string, SealedTenant>()
  let sealing: Promise<void> = Promise.resolve()

  function get(tenant: string): Ledger {
    const ledger = ledgers.get(tenant)
    if (ledger === undefined) throw ledgersError('TENANT_UNKNOWN', { attempted: 'opening a ledger', received: tenant })
    return ledger
  }

  async function sealGrown(): Promise<void> {
    const grown = [...ledgers].filter(([tenant, { size }]) => sealedByTenant.get(tenant)?.checkpoint.size !== size)
    const heads = []
    for (const [tenant, ledger] of grown) {
      const checkpoint = await ledger.checkpoint()
      const { origin, size, root: hash } = checkpoint
      const own = { tenant_head: { label: labelOf(tenant), origin, size, root: hash.toHex() } }
      heads.push({ tenant, checkpoint, index: (await root.append({ own })).first })
    }
    if (heads.length === 0) return
    const rootCheckpoint = await root.checkpoint()
    for (const { tenant, checkpoint, index } of heads) {
      const [leaf] = await root.read(index, 1)
      if (leaf === undefined) throw new RangeError(`root leaf ${index} is durable and cannot be read`)
      const proof = root.inclusion(index, rootCheckpoint.size)
      sealedByTenant.set(tenant, { checkpoint, root: { checkpoint: rootCheckpoint, index, line: leaf.line, proof } })
    }
  }

  function seal(): Promise<void> {
    const result = sealing.then(sealGrown)
    sealing = result.catch(() => undefined)
    return result
  }

  return {
    tenants,
    get,
    root,
    vkeys: (tenant) => [createNoteSigner(originOf(tenant), signer).vkey, createNoteSigner(rootOrigin, signer).vkey],
    seal,
    sealed: async (tenant, size = get(tenant).size) => {
      const known = sealedByTenant.get(tenant)
      if (known !== undefined && known.checkpoint.size >= size) return known
      await seal()
      return sealedByTenant.get(tenant) as SealedTenant
    },
    close: async () => {
      await seal()
      for (const ledger of [...ledgers.values(), root]) await ledger.close()
    },
  }
}
