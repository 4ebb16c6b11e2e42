// SPDX-License-Identifier: Apache-2.0

import { type OcsfDevice, type OcsfMetadata, type OcsfProduct, ocsfVersion } from '@sealwatch/contract'

/** What a record of ours needs beside the thing it records. */
export type RecordContext = {
  readonly device: OcsfDevice
  readonly tenant: string
  /** Version of this software. */
  readonly version: string
  /** Unix minus CLOCK_BOOTTIME, nanoseconds. */
  readonly bootOffsetNs: bigint
}

export type DeviceFacts = {
  readonly hostId: string
  readonly hostname: string
  readonly bootId: string
  readonly kernel: string
  /** NAME and VERSION_ID of os-release(5). */
  readonly osName: string
  readonly osVersion: string
}

export function deviceOf({ hostId, hostname, bootId, kernel, osName, osVersion }: DeviceFacts): OcsfDevice {
  return {
    uid: hostId,
    hostname,
    type_id: 0,
    type: 'Unknown',
    boot_uid: bootId,
    os: {
      name: osName,
      type_id: 200,
      type: 'Linux',
      kernel_release: kernel,
      ...(osVersion !== '' && { version: osVersion }),
    },
  }
}

export function productOf(component: string, version: string): OcsfProduct {
  return { name: 'Sealwatch', vendor_name: 'Sealwatch', version, feature: { name: component } }
}

export type RecordName = {
  readonly code: string
  readonly component: 'agent' | 'sensor' | 'guard'
  /** CLOCK_BOOTTIME nanoseconds. */
  readonly timeNs: bigint
  /** Tells records of the same instant apart: the acting thread, or the record's code. */
  readonly by: string
  readonly truncated?: boolean
  /** It says of which container a process is. */
  readonly container?: boolean
}

export function metadataOf(name: RecordName, { device, tenant, version }: RecordContext): OcsfMetadata {
  return {
    version: ocsfVersion,
    uid: `${device.boot_uid ?? device.uid}:${name.timeNs}:${name.by}`,
    tenant_uid: tenant,
    product: productOf(name.component, version),
    event_code: name.code,
    profiles: ['host', 'linux/linux_users', ...(name.container === true ? ['container'] : [])],
    extensions: [{ name: 'linux', uid: '1', version: ocsfVersion }],
    original_time: String(name.timeNs),
    ...(name.truncated === true && { is_truncated: true }),
  }
}

export function unixMs(bootNs: bigint, { bootOffsetNs }: RecordContext): number {
  return Number((bootNs + bootOffsetNs) / 1_000_000n)
}
