// SPDX-License-Identifier: Apache-2.0

import { launchSeverity } from '../observe/launch-severity.ts'
import type { Observation, SensorMessage, Site } from '../sources/observation.ts'

/** What gives way when there is no room, the least important first (docs/formats/event.md, 9); nothing else is ever shed. */
export const shedOrder = [
  'exit',
  'rename',
  'socket_ended',
  'datagram',
  'accept',
  'bind',
  'connect_failed',
  'connect',
  'exec',
] as const satisfies readonly Observation['kind'][]
export type SheddableKind = (typeof shedOrder)[number]

/** By what a shed event is counted: what it would have been, where it was seen, and in which era of the sensor's counters. */
export type Sheddable = {
  readonly kind: SheddableKind
  readonly site: Site
  readonly era: string
  /** Unix nanoseconds of the event. */
  readonly timeNs: bigint
}

/** As what this may be shed: only what is informational may. */
export function sheddableAs(message: SensorMessage): SheddableKind | undefined {
  if (message.kind === 'exec') return launchSeverity(message) === 'informational' ? 'exec' : undefined
  return shedOrder.find((kind) => kind === message.kind)
}
