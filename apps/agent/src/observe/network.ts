// SPDX-License-Identifier: Apache-2.0
// What processes do with sockets: docs/formats/event.md, 3.16 and 3.17.

import { BlockList } from 'node:net'
import { constants } from 'node:os'
import {
  type Activity,
  capabilities,
  classify,
  type NetworkEvent,
  type OcsfConnection,
  type OcsfEndpoint,
  type Outcome,
  severities,
} from '@sealwatch/contract'
import { denied } from '../policies/judge.ts'
import type { Endpoint, SocketAct, SocketFamily, SocketRef, SocketType } from '../sources/observation.ts'
import type { Common, ObserveContext, Of } from './observe.ts'
import { describe, errnoName, seen } from './said.ts'

const { ECONNREFUSED, EINPROGRESS } = constants.errno
const success: Outcome = { status_id: 1, status: 'Success' }

export function networkEvent(observation: Of<SocketAct>, common: Common, { device }: ObserveContext): NetworkEvent {
  const { kind, socket, error, repeats, began = kind } = observation
  const { family, type, protocol, netNs } = socket
  const isInternet = socket.local !== null
  const [who, how] = [describe(common.actor.process), outcomeOf(error)]
  return {
    ...common,
    ...classify('network', activityOf(kind, error)),
    ...severities[kind === 'listen' || kind === 'socket' ? 'low' : 'informational'],
    ...how,
    message: `${who} ${sentences[kind](socket, error)}${how.status_code === undefined ? '' : `: ${how.status_code}`}`,
    ...sidesOf(began, socket, device.hostname),
    connection_info: connectionOf(began, socket),
    ...(repeats > 0 && { count: repeats + 1 }),
    unmapped: {
      ...seen(common, isInternet && !isAsAsked(kind, error) ? capabilities.endpoints : 0),
      initiated: began === 'connect' || began === 'connect_failed' || began === 'datagram',
      socket_family: family,
      socket_type: type,
      ...(family === 'netlink' && { socket_protocol: protocol }),
      network_namespace: netNs,
    },
  }
}

const refused: Outcome = { status_id: 2, status: 'Failure', status_code: 'EPERM' }

/** Refused by the kernel, for a policy denies it: event.md, 3.21. */
export function deniedEvent(
  observation: Of<'denied'>,
  common: Common,
  { device, ruleOf }: ObserveContext,
): NetworkEvent {
  const { call, socket, table, rule, repeats } = observation
  const asked = call === 'connect' ? 'was refused a connection' : 'was refused a datagram'
  const told: NetworkEvent = {
    ...common,
    ...classify('network', call === 'connect' ? 'fail' : 'traffic'),
    ...severities.medium,
    ...refused,
    message: `${describe(common.actor.process)} ${asked} to ${show(socket.remote)}`,
    src_endpoint: { hostname: device.hostname },
    ...(socket.remote && { dst_endpoint: { ip: socket.remote.address, port: socket.remote.port } }),
    connection_info: connectionOf(call, socket),
    ...(repeats > 0 && { count: repeats + 1 }),
    unmapped: {
      ...seen(common, capabilities.endpoints),
      initiated: true,
      socket_family: socket.family,
      socket_type: socket.type,
      network_namespace: socket.netNs,
    },
  }
  const by = ruleOf(table, rule)
  return by === undefined ? told : (denied(told, by, 'blocked') as NetworkEvent)
}

function activityOf(kind: SocketAct, error: number): Activity<'network'> {
  switch (kind) {
    case 'connect':
    case 'connect_failed':
      if (error === ECONNREFUSED) return 'refuse'
      return error === 0 || error === EINPROGRESS ? 'open' : 'fail'
    case 'accept':
      return 'open'
    case 'datagram':
      return 'traffic'
    case 'socket_ended':
      return 'close'
    default:
      return kind
  }
}

function outcomeOf(error: number): Outcome {
  if (error === 0) return success
  const status_code = errnoName(error)
  return error === EINPROGRESS
    ? { status_id: 0, status: 'Unknown', status_code }
    : { status_id: 2, status: 'Failure', status_code }
}

/** Of a connect that failed at once the kernel's socket keeps nothing: who asked says where to (frame.md, 5.12). */
const isAsAsked = (kind: SocketAct, error: number) => kind === 'connect' && error !== 0 && error !== EINPROGRESS

const sentences: Readonly<Record<SocketAct, (socket: SocketRef, error: number) => string>> = {
  connect: ({ remote, name }, error) =>
    `${error === 0 ? 'connected' : 'asked for a connection'} to ${show(remote, name)}`,
  connect_failed: ({ remote, name }) => `was not connected to ${show(remote, name)}`,
  accept: ({ remote, local }) => `took a connection from ${show(remote)} on port ${local?.port}`,
  bind: ({ local, name }) => `took the address ${show(local, name)}`,
  listen: ({ local, name }) => `listens on ${show(local, name)}`,
  datagram: ({ remote }) => `sent a datagram to ${show(remote)}`,
  socket_ended: ({ local, remote }) =>
    remote ? `has no connection with ${show(remote)} any more` : `has no socket at ${show(local)} any more`,
  socket: ({ family, type, protocol }, error) =>
    `${error === 0 ? 'opened' : 'asked for'} ${socketName(family, type, protocol)}`,
}

const netlinkFamilies: Readonly<Record<number, string>> = { 9: 'audit', 11: 'process connector' }

function socketName(family: SocketFamily, type: SocketType, protocol: number): string {
  if (family === 'netlink')
    return `a socket to the kernel's ${netlinkFamilies[protocol] ?? `netlink family ${protocol}`}`
  return family === 'packet' ? 'a packet socket' : `a ${type} socket of ${family}`
}

function show(side: Endpoint | null, name: string | null = null): string {
  if (side === null) return name ?? 'a socket without a name'
  return side.address.includes(':') ? `[${side.address}]:${side.port}` : `${side.address}:${side.port}`
}

type Sides = { readonly src_endpoint?: OcsfEndpoint; readonly dst_endpoint?: OcsfEndpoint }

/** The source is who begins, as OCSF has it; an address of one's own, taken or listened on, is where others come to. */
function sidesOf(kind: SocketAct, { local, remote, name }: SocketRef, hostname: string): Sides {
  const [here, there] = [local, remote].map((side) => side && { ip: side.address, port: side.port })
  if (here && there)
    return kind === 'accept' ? { src_endpoint: there, dst_endpoint: here } : { src_endpoint: here, dst_endpoint: there }
  if (here) return { dst_endpoint: here }
  return name === null ? { src_endpoint: { hostname } } : { dst_endpoint: { name } }
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

/** IANA's names of what sockets are made of. */
const protocolNames: Readonly<Record<number, string>> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  33: 'dccp',
  58: 'ipv6-icmp',
  132: 'sctp',
  136: 'udplite',
}

function connectionOf(kind: SocketAct, { family, protocol, local, remote }: SocketRef): OcsfConnection {
  if (family !== 'ipv4' && family !== 'ipv6') return directionOf(kind, family === 'unix')
  const address = remote?.address ?? local?.address
  const isSix = address === undefined ? family === 'ipv6' : address.includes(':')
  const protocol_name = protocolNames[protocol]
  return {
    ...directionOf(kind, remote !== null && loopback.check(remote.address, isSix ? 'ipv6' : 'ipv4')),
    protocol_num: protocol,
    ...(protocol_name !== undefined && { protocol_name }),
    protocol_ver_id: isSix ? 6 : 4,
  }
}

function directionOf(kind: SocketAct, isLocal: boolean): Pick<OcsfConnection, 'direction_id' | 'direction'> {
  if (isLocal) return { direction_id: 4, direction: 'Local' }
  if (kind === 'accept') return { direction_id: 1, direction: 'Inbound' }
  return kind === 'connect' || kind === 'connect_failed' || kind === 'datagram'
    ? { direction_id: 2, direction: 'Outbound' }
    : { direction_id: 0, direction: 'Unknown' }
}
