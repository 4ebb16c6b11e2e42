// SPDX-License-Identifier: Apache-2.0
// Made by tools/gen from the routes of the API. Do not edit.

/** What each operation takes and answers. */
export type Operations = {
  /** Who holds which role in the tenant. Needs `member:list` in the tenant. */
  readonly listMembers: {
    readonly answer: {
      readonly items: readonly ({
        readonly person_id: string
        readonly role: string
        readonly granted_at: string
        readonly granted_by: string
      })[]
    }
  }
  /** Grant a role to a person. Needs `member:grant` in the tenant. */
  readonly grantRole: {
    readonly params: {
      readonly person_id: string
      readonly role: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Take a role from a person; it counts at once. Needs `member:grant` in the tenant. */
  readonly takeRole: {
    readonly params: {
      readonly person_id: string
      readonly role: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** The roles of the tenant, what each may, and all that a custom one may be made of. Needs `role:list` in the tenant. */
  readonly listRoles: {
    readonly answer: {
      readonly items: readonly ({
        readonly name: string
        readonly custom: boolean
        readonly actions: readonly string[]
      })[]
      readonly grantable_actions: readonly string[]
    }
  }
  /** Make or change a custom role. Needs `role:write` in the tenant. */
  readonly putRole: {
    readonly params: {
      readonly name: string
    }
    readonly body: {
      readonly actions: readonly string[]
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Remove a custom role that nobody holds. Needs `role:write` in the tenant. */
  readonly removeRole: {
    readonly params: {
      readonly name: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** The API tokens of the tenant. Needs `token:list` in the tenant. */
  readonly listTokens: {
    readonly answer: {
      readonly items: readonly ({
        readonly token_id: string
        readonly name: string
        readonly actions: readonly string[]
        readonly created_at: string
        readonly created_by: string
        readonly expires_at: string
        readonly last_used_at: string | null
        readonly revoked_at: string | null
      })[]
    }
  }
  /** Make an API token; it is shown this once. Needs `token:create` in the tenant. */
  readonly createToken: {
    readonly body: {
      readonly name: string
      readonly actions: readonly string[]
      readonly ttl_seconds: number
    }
    readonly answer: {
      readonly token: string
      readonly info: {
        readonly token_id: string
        readonly name: string
        readonly actions: readonly string[]
        readonly created_at: string
        readonly created_by: string
        readonly expires_at: string
        readonly last_used_at: string | null
        readonly revoked_at: string | null
      }
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Revoke a token; it counts at once. Needs `token:revoke` in the tenant. */
  readonly revokeToken: {
    readonly params: {
      readonly token_id: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Judge a request (not yet built). Needs `threat:analyze` in the tenant. */
  readonly analyzeThreat: {
    readonly body: { readonly [member: string]: unknown }
    readonly answer: undefined
  }
  /** Vulnerabilities found (not yet built). Needs `vulnerability:list` in the tenant. */
  readonly listVulnerabilities: {
    readonly answer: undefined
  }
  /** Scan a target (not yet built). Needs `vulnerability:scan` in the tenant. */
  readonly scanVulnerabilities: {
    readonly body: { readonly [member: string]: unknown }
    readonly answer: undefined
  }
  /** Open an incident (not yet built). Needs `incident:open` in the tenant. */
  readonly openIncident: {
    readonly body: { readonly [member: string]: unknown }
    readonly answer: undefined
  }
  /** An incident with its timeline and evidence (not yet built). Needs `incident:read` in the tenant. */
  readonly getIncident: {
    readonly params: {
      readonly id: string
    }
    readonly answer: undefined
  }
  /** This document. Open: it says what is written in the sources. */
  readonly getOpenApi: {
    readonly answer: string
  }
}

/** Method and path of each. */
export const operations = {
  listMembers: ['GET', '/api/v1/members'],
  grantRole: ['PUT', '/api/v1/members/{person_id}/roles/{role}'],
  takeRole: ['DELETE', '/api/v1/members/{person_id}/roles/{role}'],
  listRoles: ['GET', '/api/v1/roles'],
  putRole: ['PUT', '/api/v1/roles/{name}'],
  removeRole: ['DELETE', '/api/v1/roles/{name}'],
  listTokens: ['GET', '/api/v1/tokens'],
  createToken: ['POST', '/api/v1/tokens'],
  revokeToken: ['DELETE', '/api/v1/tokens/{token_id}'],
  analyzeThreat: ['POST', '/api/v1/security/threats/analyze'],
  listVulnerabilities: ['GET', '/api/v1/security/vulnerabilities'],
  scanVulnerabilities: ['POST', '/api/v1/security/vulnerabilities/scan'],
  openIncident: ['POST', '/api/v1/security/incidents'],
  getIncident: ['GET', '/api/v1/security/incidents/{id}'],
  getOpenApi: ['GET', '/api/v1/openapi.json'],
} as const satisfies { readonly [Id in keyof Operations]: readonly [string, string] }
