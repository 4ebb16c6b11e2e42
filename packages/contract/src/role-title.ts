// SPDX-License-Identifier: Apache-2.0

const titles: Readonly<Record<string, string>> = {
  cluster_admin: 'Cluster admin',
  tenant_admin: 'Tenant admin',
  responder: 'Responder',
  auditor: 'Auditor',
  viewer: 'Viewer',
}

/** As people read the name of a role. */
export const roleTitle = (name: string): string => titles[name] ?? name.replace(/^custom\//, '')
