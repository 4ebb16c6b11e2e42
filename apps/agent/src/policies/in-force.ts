// SPDX-License-Identifier: Apache-2.0

import type { HostConfig } from '@sealwatch/contract/host-config'
import { type CompiledPolicy, isForHost, openPolicy } from '@sealwatch/detect/policy'

/** A policy that this host was told, ready to judge by. */
export type PolicyInForce = {
  readonly id: string
  readonly version: number
  readonly name: string
  /** `enforce`: what it denies is stopped where this host can; else it is told. */
  readonly mode: 'observe' | 'enforce'
  readonly compiled: CompiledPolicy
}

/** One that is followed in no part: of a form that this agent does not understand, or for others. */
export type PolicyPassedOver = {
  readonly id: string
  readonly version: number
  readonly why: 'strange' | 'other_hosts'
}

export type PoliciesInForce = {
  readonly policies: readonly PolicyInForce[]
  readonly passedOver: readonly PolicyPassedOver[]
}

export const noPolicies: PoliciesInForce = { policies: [], passedOver: [] }

/** The policies of a configuration that are for the host of this id and name, in its order. */
export function policiesOf(
  config: Pick<HostConfig, 'policies'> | undefined,
  device: { readonly uid: string; readonly hostname: string },
): PoliciesInForce {
  const policies: PolicyInForce[] = []
  const passedOver: PolicyPassedOver[] = []
  for (const { id, version, document } of config?.policies ?? []) {
    const compiled = openPolicy(document)
    if (compiled === undefined || !isForHost(compiled, device)) {
      passedOver.push({ id, version, why: compiled === undefined ? 'strange' : 'other_hosts' })
      continue
    }
    const { mode = 'observe', name } = compiled.policy as {
      readonly mode?: PolicyInForce['mode']
      readonly name: string
    }
    policies.push({ id, version, name, mode, compiled })
  }
  return { policies, passedOver }
}
