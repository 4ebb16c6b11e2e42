// SPDX-License-Identifier: Apache-2.0

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { judged, loadRules, type RuleHead } from '@sealwatch/detect'
import { repository } from '../system/platform.ts'

type Process = {
  readonly pid: number
  readonly uid: string
  readonly cmd_line?: string
  readonly file?: { readonly path: string }
  readonly ancestry?: readonly { readonly pid: number; readonly uid: string }[]
}
export type Told = {
  readonly type_uid: number
  readonly time: number
  readonly message: string
  readonly actor?: { readonly process?: Process }
  readonly process?: Process
  readonly evidences?: readonly { readonly process: Process }[]
}
type Event = { readonly event: Told; readonly side: Readonly<Record<string, { salt: string; value: string }>> }
export type Alert = { readonly rule: RuleHead; readonly event: Told }

/** What agent and guard told since then, oldest first. */
export function eventsIn(data: string, sinceMs: number): readonly Event[] {
  return ['agent', 'guard']
    .flatMap((writer) =>
      readdirSync(join(data, writer, 'chains'), { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.ndjson'))
        .flatMap((path) => eventsOf(join(data, writer, 'chains', path))),
    )
    .filter(({ event }) => event.time >= sinceMs)
    .toSorted((one, other) => one.event.time - other.event.time)
}

function eventsOf(path: string): readonly Event[] {
  const aside = path.replace(/ndjson$/, 'side')
  const sides = new Map(
    existsSync(aside) ? linesIn(aside).map((row) => row.split(/ (.*)/s, 2) as [string, string]) : [],
  )
  return linesIn(path).flatMap((text) => {
    const { event, seq } = JSON.parse(text) as { readonly event?: Told; readonly seq: number }
    const side = sides.get(String(seq))
    return event ? [{ event, side: side === undefined ? {} : (JSON.parse(side) as Event['side']) }] : []
  })
}

const linesIn = (path: string) => readFileSync(path, 'utf8').split('\n').filter(Boolean)

/** What the rules that come with Sealwatch say of them, and of what comes together. */
export function alertsOf(events: readonly Event[]): readonly Alert[] {
  const folder = join(repository, 'rules')
  const files = readdirSync(folder).filter((path) => path.endsWith('.yml'))
  const { ruleset } = loadRules(files.map((path) => ({ path, text: readFileSync(join(folder, path), 'utf8') })))
  return judged(ruleset, events).map(({ rule, at }) => ({ rule, event: (events[at] as Event).event }))
}

/** Whether a process did it that began, over however many others, with one of these; what others do on this machine is theirs. */
export function byDescendantsOf(pids: ReadonlySet<number>, events: readonly Event[]): (event: Told) => boolean {
  const ours = new Set<string>()
  const isOurs = (event: Told) => {
    const { process } = event.actor ?? {}
    return [process, ...(process?.ancestry ?? [])].some((one) => one && (pids.has(one.pid) || ours.has(one.uid)))
  }
  for (const { event } of events) if (isOurs(event)) ours.add(event.actor?.process?.uid as string)
  return isOurs
}
