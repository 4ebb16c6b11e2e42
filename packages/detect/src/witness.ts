// SPDX-License-Identifier: Apache-2.0

import { type EventBase, type LeafRef, type OcsfFile, type OcsfProcess, ocsfVersion } from '@sealwatch/contract'

/** What a finding takes over of the event it is about. */
export type Witness = EventBase & { readonly process?: OcsfProcess; readonly file?: OcsfFile }

const unknown = 'unknown'
const bareWitness = {
  device: {
    uid: unknown,
    hostname: unknown,
    type_id: 0,
    type: 'Unknown',
    os: { name: unknown, type_id: 0, type: 'Unknown' },
  },
  actor: { app_name: unknown },
} as const

/** Whose chain it stands in; undefined: that of no host that is known. */
export type WitnessHost = { readonly uid: string; readonly hostname: string }

/**
 * The event's own word as far as it has the expected form. Events come from hosts, and a host may be in an attacker's
 * hands: a sealed line proves who said it, not that it makes sense. The finding is made all the same, and is of who said it.
 */
export function witnessOf(event: object, { tenant, leaf_hash }: LeafRef, host?: WitnessHost): Witness {
  const text = (value: unknown) => (typeof value === 'string' ? value : unknown)
  const number = (value: unknown) => (Number.isSafeInteger(value) ? (value as number) : 0)
  const { actor, device, process, file, metadata, ...rest } = event as Readonly<Record<string, unknown>>
  return {
    activity_id: number(rest.activity_id),
    activity_name: text(rest.activity_name),
    category_uid: number(rest.category_uid),
    category_name: text(rest.category_name),
    class_uid: number(rest.class_uid),
    class_name: text(rest.class_name),
    type_uid: number(rest.type_uid),
    type_name: text(rest.type_name),
    severity_id: number(rest.severity_id),
    severity: text(rest.severity),
    time: number(rest.time),
    message: text(rest.message),
    metadata: {
      version: ocsfVersion,
      uid: isObject(metadata) && typeof metadata.uid === 'string' ? metadata.uid : leaf_hash,
      tenant_uid: tenant,
      product: { name: 'Sealwatch', vendor_name: 'Sealwatch' },
      event_code: unknown,
      profiles: ['host', 'linux/linux_users'],
      extensions: [{ name: 'linux', uid: '1', version: ocsfVersion }],
    },
    device: deviceOf(isDevice(device) ? device : bareWitness.device, host),
    actor: isActor(actor) ? actor : bareWitness.actor,
    ...(isProcess(process) && { process }),
    ...(isFile(file) && { file }),
  }
}

/** The same without what the event could have made too large or too deep for a line. */
export function bared({ process: _, file: __, ...witness }: Witness): Witness {
  return { ...witness, ...bareWitness }
}

/** A host speaks of itself alone: of another it has nothing to say. */
const deviceOf = (said: Witness['device'], host: WitnessHost | undefined): Witness['device'] =>
  host === undefined || said.uid === host.uid ? said : { ...bareWitness.device, ...host }

function isActor(value: unknown): value is Witness['actor'] {
  return isObject(value) && (isProcess(value.process) || typeof value.app_name === 'string')
}

function isProcess(value: unknown): value is OcsfProcess {
  return isObject(value) && typeof value.pid === 'number' && typeof value.name === 'string'
}

function isFile(value: unknown): value is OcsfFile {
  return isObject(value) && typeof value.path === 'string'
}

function isDevice(value: unknown): value is Witness['device'] {
  return isObject(value) && typeof value.uid === 'string' && typeof value.hostname === 'string' && isObject(value.os)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
