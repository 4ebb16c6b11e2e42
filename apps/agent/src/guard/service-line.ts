// SPDX-License-Identifier: Apache-2.0
// The guard's end of docs/formats/protect.md: services register here, hear of threats, and say what they did.

import type { Socket } from 'node:net'
import {
  type Clock,
  errorsOf,
  isSealwatchError,
  type Log,
  openStandingSocket,
  type PeerCredentials,
} from '@sealwatch/base'
import type { GuardMode } from '@sealwatch/contract/guard-config'
import {
  createLines,
  type Done,
  type Finding,
  lineOf,
  protectErrors,
  type Registration,
  readFromService,
  type Step,
  type Threat,
} from '@sealwatch/protect/protocol'
import { keyOf, type ProcessKey } from './act.ts'
import type { NotRegistered, Registered } from './registry.ts'

const protectError = errorsOf(protectErrors)

export type ServiceLineOptions = {
  readonly path: string
  readonly peerOf: (socket: Socket) => PeerCredentials | undefined
  /** Who has that pid as it connects; undefined: nobody any more. */
  readonly processAt: (pid: number) => ProcessKey | undefined
  /** Undefined: that process is gone. Else the registration, or why there is none. */
  readonly register: (process: ProcessKey, said: Registration) => Registered | NotRegistered | undefined
  /** What is wrong with the process already. */
  readonly audit: (registered: Registered) => Promise<readonly Finding[]>
  readonly mode: () => GuardMode
  readonly onDone: (registered: Registered, done: Done, tookMs: number) => void
  readonly clock: Clock
  readonly log: Log
}

export type ServiceLine = {
  /**
   * Tells a service of a threat, and orders steps; what it has not answered when its connection ends is ordered again when it registers
   * anew. Whether it is there to hear it now.
   */
  threaten(registered: Registered, threat: Threat, steps: readonly Step[]): boolean
  /** The process is over: nobody will answer. */
  forget(process: ProcessKey): void
  close(): Promise<void>
}

export const serviceLineLimits = {
  connectionsMax: 2_048,
  /** Of one user: what registers has one. */
  connectionsOfUserMax: 128,
  firstLineMs: 10_000,
  /** Orders that a service has not answered; the oldest give way. */
  ordersMax: 64,
  /** Of a service that does not take what it is told. */
  untoldBytesMax: 64 * 1024,
} as const

/** Of each step that is not answered its newest order. */
type Pending = {
  readonly threat: Threat
  readonly open: ReadonlyMap<Step, { readonly number: number; readonly orderedNs: bigint }>
}
type Service = { registered: Registered; socket: Socket | undefined; readonly pending: Map<string, Pending> }

/** Whoever has a process may connect: the folder says where, the kernel who. */
export async function listenForServices(options: ServiceLineOptions): Promise<ServiceLine> {
  const { path, peerOf, processAt, register, audit, mode, onDone, clock, log } = options
  const { connectionsMax, connectionsOfUserMax, firstLineMs, ordersMax, untoldBytesMax } = serviceLineLimits
  const services = new Map<string, Service>()
  const connections = new Map<Socket, number>()
  let lastNumber = 0

  function accept(socket: Socket): void {
    socket.on('error', () => socket.destroy())
    const peer = peerOf(socket)
    const ofUser = [...connections.values()].filter((uid) => uid === peer?.uid).length
    const isRoom = connections.size < connectionsMax && ofUser < connectionsOfUserMax
    const process = peer === undefined || peer.pid === 0 || !isRoom ? undefined : processAt(peer.pid)
    if (peer === undefined || process === undefined) {
      socket.destroy()
      return
    }
    connections.set(socket, peer.uid)
    socket.once('close', () => connections.delete(socket))
    const silence = new AbortController()
    socket.once('close', () => silence.abort('over'))
    clock.sleep(firstLineMs, silence.signal).then(() => {
      if (!silence.signal.aborted) socket.destroy()
    }, noop)
    serve(socket, process, () => silence.abort('over'))
  }

  function serve(socket: Socket, process: ProcessKey, onFirst: () => void): void {
    let service: Service | undefined
    const take = (line: string) => {
      const message = readFromService(line)
      if ('done' in message) {
        if (service === undefined) throw protectError('PROTECT_NOT_REGISTERED', { attempted: 'taking an answer' })
        answered(service, message)
        return
      }
      onFirst()
      service = enter(socket, process, message)
    }
    const lines = createLines((line) => {
      if (!socket.destroyed && !socket.writableEnded) refusing(socket, () => take(line))
    })
    socket.setEncoding('utf8')
    socket.on('data', (text: string) => {
      if (lines(text)) return
      const attempted = 'reading a line'
      refusing(socket, () => {
        throw protectError('PROTECT_MALFORMED', { attempted, received: 'more than 4,096 bytes without a newline' })
      })
    })
  }

  /** What a service says wrongly it is told, and then it is alone. */
  function refusing(socket: Socket, work: () => void): void {
    try {
      work()
    } catch (error) {
      if (!isSealwatchError(error)) throw error
      socket.end(lineOf({ ok: false, code: error.code, message: error.message.slice(0, refusalUnitsMax) }))
    }
  }

  function enter(socket: Socket, process: ProcessKey, said: Registration): Service | undefined {
    const registered = register(process, said)
    const attempted = `registering ${said.protect}`
    if (registered === undefined) {
      socket.destroy()
      return undefined
    }
    if (registered === 'full') throw protectError('PROTECT_FULL', { attempted })
    if (registered === 'name_taken') throw protectError('PROTECT_NAME_TAKEN', { attempted, received: said.protect })
    if (registered === 'other_name') throw protectError('PROTECT_OTHER_NAME', { attempted, received: said.protect })
    const key = keyOf(registered.process)
    const service: Service = services.get(key) ?? { registered, socket: undefined, pending: new Map() }
    services.set(key, service)
    service.registered = registered
    socket.once('close', () => {
      if (service.socket === socket) service.socket = undefined
    })
    welcome(service, socket).catch((error: unknown) => {
      log.error('a service that registered could not be answered', { error })
      socket.destroy()
    })
    return service
  }

  async function welcome(service: Service, socket: Socket): Promise<void> {
    const found = await audit(service.registered)
    const { id } = service.registered
    tell(socket, lineOf({ ok: true, id, audit: found, mode: mode() }))
    // Only what follows the answer is a threat.
    service.socket = socket
    for (const { threat, open } of service.pending.values())
      for (const [number, steps] of Map.groupBy(open.keys(), (step) => open.get(step)?.number as number))
        tell(socket, lineOf({ threat, steps, number }))
  }

  function tell(socket: Socket, line: string): boolean {
    if (socket.destroyed || socket.writableLength > untoldBytesMax) return false
    socket.write(line)
    return true
  }

  function answered(service: Service, done: Done): void {
    const pending = service.pending.get(done.incident)
    const asked = pending?.open.get(done.done)
    // To an order in whose place there is a newer one.
    if (pending === undefined || asked === undefined || (done.number ?? asked.number) !== asked.number) return
    const isQueued = !done.ok && done.detail?.startsWith(queuedPrefix) === true
    // What waits for its KMS is answered again.
    const left = new Map([...pending.open].filter(([step]) => isQueued || step !== done.done))
    if (left.size === 0) service.pending.delete(done.incident)
    else service.pending.set(done.incident, { ...pending, open: left })
    const tookMs = Number((clock.monotonicNs() - asked.orderedNs) / 1_000_000n)
    onDone(service.registered, done, tookMs)
  }

  const standing = await openStandingSocket({ path, mode: 0o666, take: accept, clock })

  return {
    threaten({ process }, threat, steps) {
      const service = services.get(keyOf(process))
      if (service === undefined) return false
      lastNumber += 1
      const number = lastNumber
      if (steps.length > 0) {
        const orderedNs = clock.monotonicNs()
        const asked = steps.map((step) => [step, { number, orderedNs }] as const)
        const open = new Map([...(service.pending.get(threat.incident)?.open ?? []), ...asked])
        service.pending.set(threat.incident, { threat, open })
        if (service.pending.size > ordersMax) service.pending.delete(service.pending.keys().next().value as string)
      }
      return service.socket !== undefined && tell(service.socket, lineOf({ threat, steps, number }))
    },
    forget: (process) => {
      services.get(keyOf(process))?.socket?.destroy()
      services.delete(keyOf(process))
    },
    close: async () => {
      standing.close()
      for (const socket of connections.keys()) socket.destroy()
    },
  }
}

export const queuedPrefix = 'queued: '
const refusalUnitsMax = 1_000
const noop = () => undefined
