// SPDX-License-Identifier: Apache-2.0

import type { Operations } from '@sealwatch/contract/api'
import { responseWords } from '@sealwatch/contract/response-words'
import { several, wholeLength } from './words.ts'

export type IncidentAnswer = Operations['getIncident']['answer']
export type Incident = Operations['listIncidents']['answer']['items'][number]
export type Moment = IncidentAnswer['timeline'][number]
type Lineage = IncidentAnswer['incident']['lineages'][number]
export type Process = Pick<Lineage, 'pid' | 'uid' | 'name' | 'path'> & {
  readonly cmd_line?: string | null
  readonly user_uid?: string | null
}

export type TreeRow = { readonly depth: number; readonly process: Process; readonly isActor: boolean }

/** All who acted and those they come from as one tree, the oldest first; each process once. */
export function processTree(lineages: readonly Lineage[]): TreeRow[] {
  type Node = { readonly process: Process; isActor: boolean; readonly children: Node[] }
  const nodes = new Map<string, Node>()
  const roots: Node[] = []
  for (const lineage of lineages) {
    let siblings = roots
    let node: Node | undefined
    for (const process of [...lineage.ancestry.toReversed(), lineage]) {
      const key = process.uid ?? `${process.pid} ${process.name}`
      node = nodes.get(key)
      if (node === undefined) {
        node = { process, isActor: false, children: [] }
        nodes.set(key, node)
        siblings.push(node)
      }
      siblings = node.children
    }
    if (node !== undefined) node.isActor = true
  }
  const rowsOf = (node: Node, depth: number): TreeRow[] => [
    { depth, process: node.process, isActor: node.isActor },
    ...node.children.flatMap((child) => rowsOf(child, depth + 1)),
  ]
  return roots.flatMap((root) => rowsOf(root, 0))
}

/** `proc_mem_read` and the like: docs/formats/event.md, 7.8. */
export const wordsOf = (name: string): string => name.replaceAll('_', ' ')

export const stateWords: Readonly<Record<Incident['state'], string>> = {
  open: 'going on',
  closed: 'over',
  unheard: 'not heard of',
}

export const programOf = (process: Process | null): string => process?.path || process?.name || 'unknown'

/** Who began it, how many took part besides, and what they did. */
export function titleOfIncident({ actor, actors, name }: Pick<Incident, 'actor' | 'actors' | 'name'>): string {
  const who = actors > 1 ? `${programOf(actor)} and ${several(actors - 1, 'other')}` : programOf(actor)
  return `${who} ${name === 'machine' ? 'weakened what protects the machine' : `reached for ${name}`}`
}

export const responsesOf = ({ responses }: Pick<Incident, 'responses'>): string => responseWords(responses)

/** From the first act to the newest. */
export const lastedOf = ({ opened, last }: { readonly opened: string; readonly last: string }): string =>
  wholeLength(Math.max(0, Date.parse(last) - Date.parse(opened)))

export const userOf = (user: { readonly uid: string | null; readonly name: string | null }): string =>
  [`uid ${user.uid ?? 'unknown'}`, user.name ?? ''].join(' ').trim()

/** What a moment says beside its name: how often, how much, and why not. */
export function aboutMoment({ kind, times, bytes, error, since_act_ms, text }: Moment): string {
  const parts =
    kind === 'act'
      ? [
          times > 1 && `${times} times`,
          bytes !== null && several(bytes, 'byte'),
          error !== null && `refused: ${error}`,
          text,
        ]
      : [since_act_ms !== null && `${since_act_ms} ms after the act`, text]
  return parts.filter(Boolean).join(', ')
}

export function titleOf({ kind, way, step, state }: Moment): string {
  if (kind === 'act') return wordsOf(way ?? '')
  return kind === 'response' ? `${step} ${wordsOf(state ?? '')}` : titles[kind]
}

const titles = { opened: 'opened', graver: 'graver', agent_away: 'agent away', closed: 'over' } as const

/** Of PID:START. */
export const pidOf = (uid: string | null): string | undefined => uid?.split(':')[0]
