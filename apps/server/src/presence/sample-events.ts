// SPDX-License-Identifier: Apache-2.0
// Hand-made samples of what is told of hosts: vectors/events holds them, and holds us to them.

import type { ServerVoice } from '../identity/index.ts'
import { incidentEvent } from './incident-event.ts'

const voice: ServerVoice = {
  device: {
    uid: 'd-0123456789',
    hostname: 'control.example.com',
    type_id: 0,
    type: 'Unknown',
    boot_uid: '6ba7b810-9dad-11d1-80b4-00c04fd430c8',
    os: { name: 'Linux', type_id: 200, type: 'Linux', kernel_release: '6.12.0' },
  },
  version: '0.1.0',
}
const beganNs = 1_780_000_000_123_456_789n
const host = { hostId: '0c4f2a53f4f64e17a4f4b8a9d8f3c1aa', hostname: 'web-1', tenant: 'default' }

export function sampleIncidentEvents(): Readonly<Record<string, object>> {
  const tell = (nowNs: bigint, isOver: boolean) =>
    (incidentEvent(voice, host, 'silent', { nowNs, beganNs, isOver }, { last_heartbeat: null }) as { event: object })
      .event
  return { 'host-silent': tell(beganNs, false), 'host-silent-over': tell(beganNs + 42_000_000_000n, true) }
}
