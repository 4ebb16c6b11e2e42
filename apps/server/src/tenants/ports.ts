// SPDX-License-Identifier: Apache-2.0

/** What a tenant is to the rooms that stand right of this one; compose wires it. Each may be called again. */
export type TenantPorts = {
  /** Opens, or founds, its ledger and follows it. */
  open(tenant: string): Promise<void>
  /** What may be decided for its principals has changed. */
  changed(tenant: string): void
}
