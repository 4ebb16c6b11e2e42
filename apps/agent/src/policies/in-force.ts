// SPDX-License-Identifier: Apache-2.0

import type { HostConfig } from '@sealwatch/contract/host-config'
import { type CompiledPolicy, openPolicy } from '@sealwatch/detect/policy'

/** A policy that this host was told, ready to judge by. */
export type PolicyInForce = {
  readonly id: string
  readonly version: number
  readonly name: string
  /** `enforce`: what it denies is stopped where this host can; else it is told. */
  readonly mode: 'observe' | 'enforce'
  readonly compiled: CompiledPolicy
}

export type PoliciesInForce = {
  readonly policies: readonly PolicyInForce[]
  /** Ids of those that are of a form that this agent does not understand: followed in no part. */
  readonly strange: readonly string[]
}

export const noPolicies: PoliciesInForce = { policies: [], strange: [] }

/** The policies of a configuration, in its order. */
export function policiesOf(config: HostConfig | undefined): PoliciesInForce {
  const policies: PolicyInForce[] = []
  const strange: string[] = []
  for (const { id, version, document } of config?.policies ?? []) {
    const compiled = openPolicy(document)
    if (compiled === undefined) {
      strange.push(id)
      continue
    }
    const { mode = 'observe', name } = compiled.policy as {
      readonly mode?: PolicyInForce['mode']
      readonly name: string
    }
    policies.push({ id, version, name, mode, compiled })
  }
  return { policies, strange }
}
