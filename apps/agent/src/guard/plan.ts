// SPDX-License-Identifier: Apache-2.0

import type { GuardOrders, GuardStep } from '@sealwatch/contract/guard-config'
import type { TargetRef, Task } from '../sources/observation.ts'
import { keyOf, nameOf, type ProcessKey } from './act.ts'
import type { Incident } from './incident.ts'
import { isAtLeast } from './ways.ts'

/** Whom a kill is for. */
export type Suspect = {
  readonly pid: number
  readonly startNs: bigint
  readonly comm: string
  readonly exe: string | null
}

/** What is to be done against an attempt; that it is told is no step: it always is. */
export type Step = {
  readonly step: GuardStep
  /** `dry-run`: told, and not done. */
  readonly mode: 'on' | 'dry-run'
  /** Of a kill. */
  readonly suspect?: Suspect
  /** It, and what descends from it. */
  readonly tree?: boolean
  /** Why it is not done after all. */
  readonly spared?: string
  /** It was ordered for that entry too short a time ago: it is due once that is over. */
  readonly rests?: true
}

export type MeasureStep = Exclude<GuardStep, 'kill'>

export type PlanContext = {
  readonly orders: GuardOrders
  /** Of this incident, by `stepKey`: what was ordered is not ordered again, but for what is due again. */
  readonly ordered: ReadonlySet<string>
  /** It was done, and keys were read after that. */
  isDueAgain(step: MeasureStep): boolean
  /** It was ordered for that entry too short a time ago. */
  isCooling(step: GuardStep, name: string): boolean
  /** Inode number of its mount namespace; undefined: nobody knows. */
  mntNsOf(process: ProcessKey): number | undefined
  /** Why nobody may kill it; undefined: one may. */
  spare(process: ProcessKey): string | undefined
}

/** A medium one is told: who brought code into a process may be the process itself. */
const respondsFrom = 'high'
/** So many children that acted are one parent's doing: those that are killed are followed by others. */
const crowdFrom = 3

export const stepKey = ({ step, suspect }: Pick<Step, 'step' | 'suspect'>): string =>
  suspect === undefined ? step : `${step} ${keyOf(suspect)}`

/** What is to be done now, in order; nothing where the guard only observes, or the attempt is not grave. */
export function plan(incident: Incident, context: PlanContext): Step[] {
  const { orders, ordered } = context
  if (orders.mode !== 'on' || !isAtLeast(incident.severity, respondsFrom)) return []
  const steps = [...kills(incident, context), ...measures(incident, context)]
  return steps.filter((step) => !ordered.has(stepKey(step)) || (step.step !== 'kill' && context.isDueAgain(step.step)))
}

function kills(incident: Incident, { orders, spare, mntNsOf }: PlanContext): Step[] {
  const mode = orders.responses.kill
  if (mode === 'off' || !isAllowed(incident, 'kill')) return []
  const actors = [...incident.suspects, ...crowdOf(incident, mntNsOf)].map((actor) => ({
    ...suspectOf(actor),
    tree: true,
  }))
  const readers = incident.readers.map((reader) => ({ ...suspectOf(reader), tree: false }))
  return [...actors, ...readers].map(({ tree, ...suspect }) => {
    const spared = spare(suspect)
    return { step: 'kill', mode, suspect, tree, ...(spared !== undefined && { spared }) }
  })
}

const suspectOf = ({ pid, startNs, comm, ...rest }: TargetRef | Task): Suspect => ({
  ...{ pid, startNs, comm },
  exe: 'exe' in rest ? rest.exe : null,
})

/** Parents of so many who acted that these are only its hands; what starts programs in a container has all of that below it. */
function crowdOf({ suspects }: Incident, mntNsOf: PlanContext['mntNsOf']): TargetRef[] {
  const children = new Map<string, { readonly parent: TargetRef; count: number }>()
  for (const { ancestors, mntNs } of suspects) {
    const [parent] = ancestors
    if (parent === undefined || (mntNsOf(parent) ?? mntNs) !== mntNs) continue
    const known = children.get(keyOf(parent)) ?? { parent: { ...parent, ppid: 0 }, count: 0 }
    known.count += 1
    children.set(keyOf(parent), known)
  }
  const acted = new Set(suspects.map(keyOf))
  return [...children.values()].flatMap(({ parent, count }) =>
    count >= crowdFrom && !acted.has(keyOf(parent)) ? [parent] : [],
  )
}

/** What only helps where something was reached. */
function measures(incident: Incident, { orders, isCooling }: PlanContext): Step[] {
  const isReached = [...incident.reached.values()].some(({ count, refused }) => count > refused)
  if (!isReached || incident.aim === 'machine') return []
  return (['evict', 'rotate'] as const).flatMap((step) => {
    const mode = orders.responses[step]
    if (mode === 'off' || !isAllowed(incident, step)) return []
    return [{ step, mode, ...(isCooling(step, nameOf(incident.aim)) && { rests: true }) }]
  })
}

const isAllowed = ({ aim }: Incident, step: GuardStep) => aim === 'machine' || aim.steps.includes(step)

export type SpareContext = {
  isOurs(process: ProcessKey): boolean
  isProtected(process: ProcessKey): boolean
  /** Something that is protected descends from it. */
  isAbove(process: ProcessKey): boolean
  isKernel(process: ProcessKey): boolean
}

/** Why a process is not killed, whoever asks: neither the machine nor what is protected is to stop. */
export function spareReason(process: ProcessKey, context: SpareContext): string | undefined {
  if (process.pid <= 0 || process.startNs <= 0n) return 'nobody knows who it is'
  if (process.pid === 1) return 'it is the first process of the machine'
  if (context.isKernel(process)) return 'it is a thread of the kernel'
  if (context.isOurs(process)) return 'it is a part of Sealwatch'
  if (context.isProtected(process)) return 'it is protected itself'
  return context.isAbove(process) ? 'what is protected descends from it' : undefined
}
