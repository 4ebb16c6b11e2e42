// SPDX-License-Identifier: Apache-2.0

export { tenantError, tenantErrors } from './errors.ts'
export type { DestroyedKeys, TenantPorts } from './ports.ts'
export { openTenantRegistry, type TenantRegistry } from './registry.ts'
export { linesPerSecondLimits, standingTenants, type Tenant, type TenantState, tenantsMax } from './tenant.ts'
export { createTenants, type Tenants } from './tenants.ts'
