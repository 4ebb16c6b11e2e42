// SPDX-License-Identifier: Apache-2.0

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type JsonObject, rfc3339 } from '@sealwatch/base'
import type { AttackLeaves, PlayedAttack } from '@sealwatch/ledger'
import type { Io } from '../../io.ts'
import { type GuardLine, membersOf } from './guard-lines.ts'
import { type Attacker, type Clients, type Decoy, startAttacker, until } from './processes.ts'
import { nothingCame } from './protocol.ts'
import type { AttackWay } from './ways.ts'

/** Who goes a way: the second is handed what the first has opened. */
export type Attackers = AsyncDisposable & { readonly first: Attacker; readonly second: Attacker | undefined }

export type Stage = {
  readonly io: Io
  readonly dir: string
  readonly run: string
  readonly decoy: Decoy
  readonly clients: Clients
  readonly runner: number
  readonly lines: () => readonly GuardLine[]
  /** CLOCK_BOOTTIME. */
  readonly bootNs: () => bigint
  /** How long an attack may take to be answered. */
  readonly patienceMs: number
}

const passes = (way: string) => way === 'memory_descriptor_passed'

export async function ready(way: AttackWay, { io, dir, decoy, runner, bootNs }: Stage): Promise<Attackers> {
  await using made = new AsyncDisposableStack()
  const order = { target: decoy.pid, runner, socket: join(dir, `${way.way}.sock`) }
  // Of who went this way before.
  await rm(order.socket, { force: true })
  const start = async (part: 'first' | 'second') =>
    made.use(await startAttacker(way, { ...order, part }, { bootNs, env: io.env }))
  const second = passes(way.way) ? await start('second') : undefined
  const first = await start('first')
  const kept = made.move()
  return { first, second, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

type Seen = {
  readonly incident: string | null
  readonly severity: string | null
  readonly refused: boolean
  /** CLOCK_BOOTTIME: when the guard told of this way. */
  readonly toldNs: bigint | undefined
  readonly leaves: AttackLeaves
  /** What became of a step otherwise. */
  readonly states: ReadonlyMap<string, string>
}

/**
 * Plays one attack, until all is done that is due, or its time is over. Undefined: the first was ended before he could hand on what he
 * had opened, so that this way was not gone.
 */
export async function play(way: AttackWay, attackers: Attackers, stage: Stage): Promise<PlayedAttack | undefined> {
  const { io, decoy, clients, run, patienceMs } = stage
  const { first, second } = attackers
  const before = decoy.epoch()
  const wait = { clock: io.clock, stop: io.stop }
  second?.go()
  if (second !== undefined) await until(() => second.said().atNs !== undefined, patienceMs, wait)
  first.go()
  const all = [first, ...(second === undefined ? [] : [second])]
  const isKilled = () => all.every((one) => one.killedNs() !== undefined)
  const now = () => seenOf(stage.lines(), { run, way: way.way, pid: first.pid, kills: all.length })
  const isDone = () => {
    // Once nobody holds it any more it is let go on, as whoever supervises a service does.
    if (isKilled()) decoy.letGoOn()
    const { leaves, refused } = now()
    const areKeysDone = refused || (leaves.evict !== null && leaves.rotate !== null)
    return isKilled() && leaves.incident !== null && leaves.kill !== null && areKeysDone
  }
  const isCutShort = () => second?.said().error === nothingCame && first.killedNs() !== undefined
  await until(() => isDone() || isCutShort() || decoy.hasEnded(), patienceMs, wait)
  if (isCutShort()) return undefined
  const wasDone = isDone()
  for (const one of all) if (one.killedNs() === undefined) await one[Symbol.asyncDispose]()
  decoy.letGoOn()
  const told = await clients.tell()
  const { atNs, error } = first.said()
  const seen = now()
  const bytes = all.reduce((sum, one) => sum + one.said().bytes, 0)
  const killedNs = isKilled() ? all.map((one) => one.killedNs() as bigint).reduce((a, b) => (a > b ? a : b)) : undefined
  const missed =
    io.stop.aborted && !wasDone
      ? ['the drill was ended before it was over']
      : missedOf({ seen, isKilled: isKilled(), hasEnded: decoy.hasEnded(), acted: atNs !== undefined, error })
  const since = (ns: bigint | undefined) =>
    ns === undefined || atNs === undefined ? null : Math.max(0, Number((ns - atNs) / 1_000n))
  return {
    ...{ way: way.way, does: way.does, attacker: `${way.calls} (pid ${first.pid})` },
    at: rfc3339(io.clock.nowNs() - (stage.bootNs() - (atNs ?? stage.bootNs()))),
    outcome: missed.length === 0 ? 'passed' : 'failed',
    ...{ incident: seen.incident, severity: seen.severity, refused: seen.refused },
    ...{ seen_us: since(seen.toldNs), killed_us: since(killedNs), bytes },
    ...{ key_before: before, key_after: decoy.epoch(), requests: told.total, requests_failed: told.failed },
    leaves: seen.leaves,
    missed,
  }
}

function missedOf(of: { seen: Seen; isKilled: boolean; hasEnded: boolean; acted: boolean; error: string }): string[] {
  const { seen, isKilled, hasEnded, acted, error } = of
  if (!acted) return [`the attacker did not come to act: ${error || 'nobody knows why'}`]
  const because = (step: string) => seen.states.get(step) ?? 'the ledger says nothing of it'
  const { leaves, refused } = seen
  return [
    ...(leaves.incident === null
      ? [`no incident came: the way was not seen${error && ` (it failed with ${error})`}`]
      : []),
    ...(isKilled ? [] : [`the attacker lived on: ${because('kill')}`]),
    ...(isKilled && leaves.kill === null ? [`its end is not on record: ${because('kill')}`] : []),
    ...(['evict', 'rotate'] as const).flatMap((step) =>
      leaves[step] === null && !refused ? [`${step}: ${because(step)}`] : [],
    ),
    ...(hasEnded ? ['the decoy ended'] : []),
  ]
}

type Sought = { readonly run: string; readonly way: string; readonly pid: number; readonly kills: number }

/** What the guard says of one attacker: its incident, and what was done about it. */
function seenOf(lines: readonly GuardLine[], { run, way, pid, kills }: Sought): Seen {
  const told = lines.filter(({ event }) => incidentOf(event).rehearsal === run && actorPid(event) === pid)
  const incident = told.map(({ event }) => incidentOf(event).incident).find((id) => typeof id === 'string')
  const ofWay = told.find(({ event }) => Object.hasOwn(membersOf(incidentOf(event).reached), way))
  const answers = lines.flatMap(({ leaf, event }) => {
    const said = membersOf(membersOf(event.unmapped).guard_response)
    return incident !== undefined && said.incident === incident ? [{ leaf, said }] : []
  })
  const done = (step: string) => answers.filter(({ said }) => said.step === step && said.state === 'done')
  const killed = done('kill')
  const leaves: AttackLeaves = {
    incident: ofWay?.leaf ?? null,
    kill: killed.length >= kills ? (killed.at(-1)?.leaf ?? null) : null,
    evict: done('evict')[0]?.leaf ?? null,
    rotate: done('rotate')[0]?.leaf ?? null,
  }
  const states = new Map(
    answers.map(({ said }) => [String(said.step), [said.state, said.detail].filter(Boolean).join(': ')] as const),
  )
  const reached = Object.values(membersOf(incidentOf(told.at(-1)?.event ?? {}).reached)).map(membersOf)
  return {
    incident: typeof incident === 'string' ? incident : null,
    severity: typeof told.at(-1)?.event.severity === 'string' ? String(told.at(-1)?.event.severity) : null,
    refused: reached.length > 0 && reached.every(({ count, refused = 0 }) => count === refused),
    toldNs: nsOf(ofWay?.event),
    leaves,
    states,
  }
}

const incidentOf = ({ unmapped }: JsonObject): JsonObject => membersOf(membersOf(unmapped).guard_incident)
const actorPid = ({ actor }: JsonObject) => membersOf(membersOf(actor).process).pid
const nsOf = (event: JsonObject | undefined): bigint | undefined => {
  const at = membersOf(event?.metadata).original_time
  return typeof at === 'string' && /^\d{1,20}$/.test(at) ? BigInt(at) : undefined
}
