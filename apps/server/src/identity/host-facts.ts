// SPDX-License-Identifier: Apache-2.0

import type { HostFacts as HostFactsMessage } from '@sealwatch/contract'
import { identityError } from './errors.ts'

/** What an agent says of its machine; display matter, never a ground for a decision. */
export type HostFacts = {
  readonly hostname: string
  readonly machineId: string
  readonly bootId: string
  readonly kernel: string
  readonly os: string
}

const factCharsMax = 253
// Control and format characters would let a host forge what a terminal shows of it.
const printable = /^[^\p{C}\p{Zl}\p{Zp}]+$/u

/** Throws HOST_FACTS_INVALID, naming every fact that is missing or of another form. */
export function checkHostFacts(facts: HostFactsMessage | undefined): HostFacts {
  const { hostname = '', machineId = '', bootId = '', kernel = '', os = '' } = facts ?? {}
  const checked = { hostname, machineId, bootId, kernel, os }
  const faults = Object.entries(checked).filter(([, value]) => value.length > factCharsMax || !printable.test(value))
  if (faults.length > 0) {
    const received = faults
      .map(([name, value]) => `${name} ${value === '' ? 'missing' : JSON.stringify(value)}`)
      .join(', ')
    throw identityError('HOST_FACTS_INVALID', { attempted: 'reading the facts of a host', received })
  }
  return checked
}
