// SPDX-License-Identifier: Apache-2.0

import type { OwnPart } from './registry.ts'

/** Sealwatch's own users (docs/privileges.md): what runs as one of them is a part, and protected by default. */
const users = {
  server: 64_701,
  agent: 64_702,
  sensor: 64_703,
  witness: 64_704,
  'signing-proxy': 64_705,
  guard: 64_707,
  hands: 64_708,
} as const

export const serverUid = users.server
export const sensorUid = users.sensor
export const handsUid = users.hands

/** `supervisorPid`: who keeps the guard alive; of 1 it is systemd, which is no part of ours. */
export const ownParts = (supervisorPid: number): readonly OwnPart[] => [
  ...Object.entries(users).map(([name, uid]) => ({ name: `sealwatch-${name}`, uid })),
  ...(supervisorPid > 1 ? [{ name: 'sealwatch-supervisor', pid: supervisorPid }] : []),
]
