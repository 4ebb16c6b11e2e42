// SPDX-License-Identifier: Apache-2.0

/** What a tenant is to the rooms that stand right of this one; compose wires it. Each may be called again. */
export type TenantPorts = {
  /** Whether ledgers or keys know the name from a time that the register does not: another's it was once. */
  wasKnown(tenant: string): boolean
  /** Opens, or founds, its ledger and follows it. */
  open(tenant: string): Promise<void>
  /** Whether its ledger is there, on the disk. */
  hasLedger(tenant: string): Promise<boolean>
  /**
   * Revokes its hosts, takes its join tokens back, and lets nobody in any more: no grant, token or session of it counts.
   * Resolves when nothing of it is under way any more.
   */
  expel(tenant: string): Promise<void>
  /** Lets the root vouch for the last line of its ledger, and closes that. */
  close(tenant: string): Promise<void>
  /** Orders, as of `orderedNs`, in the cluster's ledger that its keys be destroyed; resolves when they are. */
  destroyKeys(tenant: string, orderedNs: bigint): Promise<DestroyedKeys>
  /** Removes ledger, index, quarantine and every row of it. */
  removeData(tenant: string): Promise<void>
  /** What may be decided for its principals has changed. */
  changed(tenant: string): void
}

export type DestroyedKeys = {
  /** The line of the cluster's ledger that orders it; undefined: an earlier start saw to it. */
  readonly leafIndex: number | undefined
  readonly tenantKeys: number
  readonly subjectKeys: number
}
